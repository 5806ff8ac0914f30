"""DER, as much of it as SCEP, PKCS#10 and CMS need (X.690).

Writing is a function for each type, returning bytes. Reading gives a Node, which knows its tag, its content
and its own encoding, and reads its children on demand. Only definite lengths are read: DER has no others.
"""

INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0C, 0x13, 0x16
SEQUENCE, SET = 0x30, 0x31


class BadDer(Exception):
    """The bytes are no DER, or not the DER that was asked for."""


def tlv(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts):
    return tlv(SEQUENCE, *parts)


def set_of(*parts):
    """SET OF: DER wants the elements in the order of their encodings."""
    return tlv(SET, *sorted(parts))


def integer(value):
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    out = bytearray()
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        group = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            group.append(0x80 | (arc & 0x7F))
        out += bytes(reversed(group))
    return tlv(OID, bytes(out))


def octets(value):
    return tlv(OCTET_STRING, value)


def bits(value):
    return tlv(BIT_STRING, b"\x00", value)


def null():
    return tlv(NULL)


def utf8(text):
    return tlv(UTF8_STRING, text.encode())


def printable(text):
    return tlv(PRINTABLE_STRING, text.encode("ascii"))


def ia5(text):
    return tlv(IA5_STRING, text.encode("ascii"))


def context(number, *parts):
    """A constructed value tagged [number]."""
    return tlv(0xA0 | number, *parts)


class Node:
    def __init__(self, tag, content, encoding):
        self.tag, self.content, self.encoding = tag, content, encoding

    def __repr__(self):
        return f"<DER {self.tag:#04x}, {len(self.content)} octets>"

    def children(self):
        out, at = [], 0
        while at < len(self.content):
            node, at = _read(self.content, at)
            out.append(node)
        return out

    def expect(self, tag):
        if self.tag != tag:
            raise BadDer(f"tag {self.tag:#04x} where {tag:#04x} was expected")
        return self

    def text(self):
        return self.content.decode()

    def number(self):
        return int.from_bytes(self.expect(INTEGER).content, "big", signed=True)

    def dotted(self):
        arcs, value = [], 0
        for octet in self.expect(OID).content:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        if not arcs:
            raise BadDer("empty object identifier")
        first = min(arcs[0] // 40, 2)
        return ".".join(str(arc) for arc in [first, arcs[0] - 40 * first] + arcs[1:])


def _read(data, at):
    if at + 2 > len(data):
        raise BadDer("truncated")
    start, tag, size = at, data[at], data[at + 1]
    at += 2
    if tag & 0x1F == 0x1F:
        raise BadDer("tags above 30 are not used here")
    if size == 0x80:
        raise BadDer("indefinite length")
    if size & 0x80:
        count = size & 0x7F
        size = int.from_bytes(data[at:at + count], "big")
        at += count
    if at + size > len(data):
        raise BadDer("content longer than its container")
    return Node(tag, data[at:at + size], data[start:at + size]), at + size


def read(data):
    """The one value that `data` is."""
    node, end = _read(data, 0)
    if end != len(data):
        raise BadDer(f"{len(data) - end} octets behind the end")
    return node
