// ci/bench's echo server over Node. Its arguments are the transport, unix or tcp,
// and the path.
const net = require("net");
const [transport, path] = process.argv.slice(2);

const server = net.createServer((client) => {
  client.on("data", (chunk) => client.write(chunk));
  client.on("error", () => client.destroy());
});
const where = transport === "tcp" ? { host: "127.0.0.1", port: 0, backlog: 1024 } : { path, backlog: 1024 };
server.listen(where, () => {
  console.log("ready", transport === "tcp" ? server.address().port : path);
});
