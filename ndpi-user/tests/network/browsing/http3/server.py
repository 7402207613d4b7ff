"""An HTTP/3 server with a page for each host: the address, the folder with its certificate, the bytes of a page."""

import asyncio
import sys

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated
from aioquic.quic.packet import QuicProtocolVersion

ADDRESS, FOLDER, SIZE = sys.argv[1], sys.argv[2], int(sys.argv[3])
FIRST, SECOND = QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2
# The second one has its clients come back with a token (RFC 9000, section 8.1.2), the third knows both versions.
PORTS = [(443, False, [FIRST]), (8443, True, [FIRST]), (9443, False, [SECOND, FIRST])]
PAGES = {"www.facebook.com": b"B", "www.example.com": b"A"}


class Server(QuicConnectionProtocol):
    http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http is None:
            return
        for request in self.http.handle_event(event):
            if isinstance(request, HeadersReceived):
                host = dict(request.headers)[b":authority"].decode()
                self.http.send_headers(request.stream_id, [(b":status", b"200")])
                page = PAGES.get(host, b"O") * SIZE
                self.http.send_data(request.stream_id, page, end_stream=True)
        self.transmit()


async def main():
    tickets = {}
    for port, retry, versions in PORTS:
        configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
        configuration.load_cert_chain(f"{FOLDER}/certificate.pem", f"{FOLDER}/key.pem")
        configuration.supported_versions = versions
        await serve(
            ADDRESS,
            port,
            configuration=configuration,
            create_protocol=Server,
            retry=retry,
            session_ticket_fetcher=lambda label: tickets.get(label),
            session_ticket_handler=lambda ticket: tickets.update({ticket.ticket: ticket}),
        )
    print("ready", flush=True)
    await asyncio.Future()


asyncio.run(main())
