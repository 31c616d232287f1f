"""Runs a command in a terminal: python in_terminal.py COLUMNS [--interrupt-at TEXT] COMMAND...

Prints all that it wrote there. With TEXT, presses Ctrl-C when that has been written. Ends as the
command ends.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

columns, command = int(sys.argv[1]), sys.argv[2:]
waiting = None
if command[0] == "--interrupt-at":
    waiting, command = command[1].encode(), command[2:]

child, terminal = pty.fork()
if child == 0:
    # Only once the size is known.
    sys.stdin.readline()
    # Without it no terminal can do what a bar needs, and tests start with an empty environment.
    os.environ["TERM"] = "xterm"
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
os.write(terminal, b"\n")

written, end = b"", time.monotonic() + 150
while True:
    ready, _, _ = select.select([terminal], [], [], 1)
    if time.monotonic() > end:
        os.kill(child, signal.SIGKILL)
        break
    if not ready:
        continue
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    written += chunk
    if waiting is not None and waiting in written:
        waiting = None
        os.write(terminal, b"\x03")
sys.stdout.buffer.write(written)
sys.stdout.flush()
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
