-- ci/bench's echo server over luv. Its arguments are the transport, unix or tcp,
-- and the path.
local uv = require("luv")
local transport, path = arg[1], arg[2]

local function new()
  if transport == "tcp" then return uv.new_tcp() end
  return uv.new_pipe(false)
end

local server = new()
if transport == "tcp" then
  assert(server:bind("127.0.0.1", 0))
else
  assert(server:bind(path))
end
assert(server:listen(1024, function(err)
  assert(not err, err)
  local client = new()
  assert(server:accept(client))
  client:read_start(function(err, chunk)
    if chunk then
      client:write(chunk)
    else
      client:close()
    end
  end)
end))
print("ready " .. (transport == "tcp" and server:getsockname().port or path))
io.stdout:flush()
uv.run()
