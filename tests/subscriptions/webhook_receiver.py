"""Receives webhooks and verifies them by the key set at the URL that is its argument.

It is written by PROTOCOL §6.5 and §7.1 alone, with the package cryptography for the signature. Prints a
JSON object for each webhook: whether its signature is its body's, and whether it is also a changed body's.
"""

import base64
import http.server
import json
import sys
import time
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_signed(key, signature, timestamp, body):
    try:
        key.verify(signature, timestamp.encode() + b"." + body)
        return True
    except InvalidSignature:
        return False


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        header = dict(part.split("=", 1) for part in self.headers["Webhook-Signature"].split(","))
        with urllib.request.urlopen(sys.argv[1]) as response:
            keys = json.load(response)["keys"]
        [jwk] = [jwk for jwk in keys if jwk["kid"] == header["kid"]]
        key = Ed25519PublicKey.from_public_bytes(decode(jwk["x"]))
        signature = decode(header["ed25519"])
        verified = is_signed(key, signature, header["t"], body)
        print(json.dumps({
            "verified": verified,
            "changedIsVerified": is_signed(key, signature, header["t"], body + b" "),
            "kty": jwk["kty"],
            "crv": jwk["crv"],
            "ageSeconds": time.time() - int(header["t"]),
            "wake": json.loads(body),
        }), flush=True)
        self.send_response(200 if verified else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"done": true}')

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}/hook", flush=True)
server.serve_forever()
