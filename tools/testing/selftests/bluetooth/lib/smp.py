# SPDX-License-Identifier: GPL-2.0
"""What a peer computes in LE legacy pairing (Vol 3 Part H 2.2), by the kernel's own socket of ciphers, so that nothing of ours
is believed."""

import socket

from . import ktap

# The public key that anybody has the private one of (2.3.5.6.1), as it is on the wire.
DEBUG_KEY = bytes.fromhex("20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6")[::-1] + \
            bytes.fromhex("dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b")[::-1]


def encrypt_block(key, block):
    """AES-128, most significant octet first."""
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as cipher:
        cipher.bind(("skcipher", "ecb(aes)"))
        cipher.setsockopt(socket.SOL_ALG, socket.ALG_SET_KEY, key)
        with cipher.accept()[0] as work:
            work.sendmsg_afalg([block], op=socket.ALG_OP_ENCRYPT)
            return work.recv(16)


def needs_cipher():
    try:
        encrypt_block(bytes(16), bytes(16))
    except OSError as error:
        raise ktap.Skip(f"no cipher to compute with: {error}") from None


# From here on all is least significant octet first, as on the wire.

def e(key, block):
    return encrypt_block(key[::-1], block[::-1])[::-1]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def c1(tk, random, request, response, initiator, responder):
    """The confirm value (2.2.3). `request`, `response`: the PDUs; `initiator`, `responder`: (address, whether it is random)."""
    p1 = bytes([initiator[1], responder[1]]) + request + response
    p2 = responder[0] + initiator[0] + bytes(4)
    return e(tk, xor(e(tk, xor(random, p1)), p2))


def s1(tk, of_responder, of_initiator):
    """The short term key (2.2.4), of both random numbers."""
    return e(tk, of_initiator[:8] + of_responder[:8])
