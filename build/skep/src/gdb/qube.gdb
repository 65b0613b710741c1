# What `cargo skep gdb` teaches gdb: Rust's method names are nothing that `break` finds by their last part.
set architecture i386:x86-64
set breakpoint pending off
python
import re

class QubeBreak(gdb.Command):
    """qube-break NAME: stop at every function of this name, whatever type or module it belongs to."""

    def __init__(self):
        super().__init__("qube-break", gdb.COMMAND_BREAKPOINTS)

    def invoke(self, name, from_tty):
        found, file = 0, None
        for line in gdb.execute(f"info functions -q ::{name}$", to_string=True).splitlines():
            if heading := re.match(r"File (.*):$", line):
                file = heading[1]
            elif place := re.match(r"(\d+):\s.*?fn (\S+?)\(", line):
                print(f"{place[2]}")
                gdb.execute(f"break {file}:{place[1]}")
                found += 1
        if not found:
            print(f"no function of this qube is called {name}")

QubeBreak()
end
