# ci/bench's echo server over uvloop. Its arguments are the transport, unix or
# tcp, and the path.
import asyncio
import sys

import uvloop


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)


async def main(kind, path):
    loop = asyncio.get_running_loop()
    if kind == "tcp":
        server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=1024)
        path = server.sockets[0].getsockname()[1]
    else:
        server = await loop.create_unix_server(Echo, path, backlog=1024)
    print("ready", path, flush=True)
    await server.serve_forever()


uvloop.install()
asyncio.run(main(*sys.argv[1:]))
