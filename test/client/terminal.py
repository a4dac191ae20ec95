"""Runs a command on a pseudo-terminal, and answers its questions as a person types.

Reads {"argv", "cwd", "env", "steps": [[pattern, answer], ...]} from standard input. An answer is
typed when its pattern was printed after the last answer. Prints {"output", "code", "unasked"}.
"""

import json
import os
import pty
import re
import select
import signal
import sys
import time

ask = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(ask["cwd"])
    os.execvpe(ask["argv"][0], ask["argv"], ask["env"])
output, read_to, steps = b"", 0, ask["steps"]
deadline = time.monotonic() + 50
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    if steps and re.search(steps[0][0].encode(), output[read_to:]):
        read_to = len(output)
        os.write(terminal, steps.pop(0)[1].encode())
else:
    os.kill(pid, signal.SIGKILL)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"output": output.decode("utf8", "replace"), "code": code, "unasked": [s[0] for s in steps]}))
