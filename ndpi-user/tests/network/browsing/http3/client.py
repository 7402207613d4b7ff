"""An HTTP/3 client that asks for a page in one of several ways, and prints how many bytes of it arrive: the server's
address, the host, the way, the seconds that it waits, the bytes of a page."""

import os
import socket
import ssl
import sys
import time

from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted
from aioquic.quic.packet import QuicFrameType, QuicProtocolVersion
from aioquic.tls import Epoch

ADDRESS, HOST, WAY = sys.argv[1:4]
PATIENCE, SIZE = float(sys.argv[4]), int(sys.argv[5])
PAGES = {"www.facebook.com": b"B", "www.example.com": b"A"}
DECOYS = {"www.facebook.com": "www.example.com", "www.example.com": "www.facebook.com"}
# What a request takes to a site that is not next door: longer than a verdict does on a busy machine.
DISTANCE = 0.2
SERVER = (ADDRESS, {"retry": 8443, "version 2": 9443}.get(WAY, 443))
DECOY = WAY.startswith("decoy")


def sock(ttl=64):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    # IP_MTU_DISCOVER, IP_PMTUDISC_DONT (linux/in.h): what is too long goes in fragments.
    made.setsockopt(socket.IPPROTO_IP, 10, 0)
    return made


def configuration(host):
    made = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host)
    made.verify_mode = ssl.CERT_NONE
    if WAY in ("several Initials", "fragments"):
        # The hello has no room in one, or in a packet.
        made.alpn_protocols = H3_ALPN + [f"{number:0>200}" for number in range(10)]
    if WAY == "fragments":
        made.max_datagram_size = 3000
    if WAY in ("negotiation", "version 2"):
        # One server does not know the version that comes first.
        made.original_version = QuicProtocolVersion.VERSION_2
    return made


def in_pieces(quic):
    """Has a hello sent in many frames, in the wrong order, that overlap, and between others."""
    write = quic._write_crypto_frame

    def shuffled(builder, space, stream):
        if space is not quic._spaces[Epoch.INITIAL]:
            return write(builder=builder, space=space, stream=stream)
        frame = stream.sender.get_frame(builder.remaining_flight_space // 2)
        if frame is None:
            return False
        for at in reversed(range(0, len(frame.data), 40)):
            data = frame.data[at : at + 60]
            builder.start_frame(QuicFrameType.PING, capacity=1)
            buffer = builder.start_frame(QuicFrameType.CRYPTO, capacity=16)
            buffer.push_uint_var(frame.offset + at)
            buffer.push_uint16(len(data) | 0x4000)
            buffer.push_bytes(data)
        return True

    quic._write_crypto_frame = shuffled


def opening(host, identifier=None):
    """The datagrams that another client would begin with, to the same identifier or to another."""
    other = QuicConnection(configuration=configuration(host))
    if identifier:
        other._peer_cid.cid = identifier
    other.connect(SERVER, now=time.time())
    return [data for data, _ in other.datagrams_to_send(now=time.time())]


class Client:
    def __init__(self, host, ticket=None):
        self.host, self.tickets, self.arrived = host, [], 0
        made = configuration(host)
        made.session_ticket = ticket
        self.quic = QuicConnection(configuration=made, session_ticket_handler=self.tickets.append)
        self.http, self.out, self.is_waiting = None, sock(), ticket is not None
        if WAY == "pieces":
            in_pieces(self.quic)
        self.quic.connect(SERVER, now=time.time())
        if ticket:
            self.request()

    def request(self):
        self.http = H3Connection(self.quic)
        stream = self.quic.get_next_available_stream_id()
        head = {":method": "GET", ":scheme": "https", ":authority": self.host, ":path": "/"}
        headers = [(name.encode(), value.encode()) for name, value in head.items()]
        self.http.send_headers(stream, headers, end_stream=True)

    def flush(self):
        sent = [data for data, _ in self.quic.datagrams_to_send(now=time.time())]
        for data in reversed(sent) if WAY == "backwards" else sent:
            for _ in range(2 if WAY == "twice" else 1):
                self.out.sendto(data, SERVER)

    def run(self, until, done):
        while time.time() < until and not done(self):
            self.flush()
            if self.is_waiting:
                # Until it hears of its client, the server sends no more than it may at first.
                time.sleep(DISTANCE)
                self.is_waiting = False
            timer = self.quic.get_timer()
            wait = min(until, timer or until) - time.time()
            self.out.settimeout(max(wait, 0.001))
            try:
                self.quic.receive_datagram(self.out.recv(65535), SERVER, now=time.time())
            except (TimeoutError, ConnectionError):
                if timer and time.time() >= timer:
                    self.quic.handle_timer(now=time.time())
            while (event := self.quic.next_event()) is not None:
                self.take(event)
        self.flush()

    def take(self, event):
        if isinstance(event, HandshakeCompleted):
            if WAY == "another port":
                # As behind a router that has forgotten its port, and in the moment in which the connection is decided.
                self.out, self.is_waiting = sock(), True
            elif self.http is None:
                time.sleep(DISTANCE)
            if self.http is None:
                self.request()
        for answer in self.http.handle_event(event) if self.http else []:
            if isinstance(answer, DataReceived):
                self.arrived += answer.data.count(PAGES[self.host])


def main():
    until, ticket = time.time() + PATIENCE, None
    if WAY == "early":
        # What is asked for in the first flight (RFC 9001, section 4.6).
        first = Client(DECOYS[HOST] if HOST == "www.facebook.com" else HOST)
        first.run(until, lambda it: it.tickets)
        ticket = first.tickets[0]
        # Servers do not compare it.
        ticket.server_name = HOST
    client = Client(HOST, ticket)
    if WAY == "junk":
        for junk in [b"\0" * 30, b"\x40" + os.urandom(40), b"\xc0" + os.urandom(1199)]:
            client.out.sendto(junk, SERVER)
    if DECOY:
        far = client.out.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)
        if WAY == "decoy behind":
            client.flush()
        client.out.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        same = client.quic._peer_cid.cid if WAY == "decoy to the same" else None
        for _ in range(20 if WAY == "decoys" else 1):
            for data in opening(DECOYS[HOST], same):
                client.out.sendto(data, SERVER)
        client.out.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, far)
    client.run(until, lambda it: it.arrived >= SIZE)
    if client.arrived:
        assert client.quic.tls.early_data_accepted == (WAY == "early"), "nothing was early"
        negotiated = client.quic._version_negotiated_incompatible
        assert negotiated == (WAY == "negotiation"), "no version was negotiated"
    print(client.arrived)


main()
