"""Plants text that a terminal, a browser, a parser or a CI server might act on: in names, states, logs and output."""
import os
import sys

HOME = os.fsencode(sys.argv[1])
EVIL = [
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;aGFja2Vk\x07",
    "\x9b31m\u202egnp.exe\u2066",
    "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "]]><evil/><!--",
    "&lt;b&gt; <!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "::error file=a,line=1::owned",
    "::stop-commands::owned",
    "##[error]owned ##vso[task.complete result=Succeeded] ##teamcity[buildStatus status='SUCCESS']",
    "[link](javascript:alert(1)) ![x](http://evil.example/x.png) `</pre>` @everyone | a | b |",
    "../../../../tmp/comeback-owned",
    "nul \x00 and bell \x07 and backspace \x08",
]
NAMES = [e.replace("/", "\u2215").replace("\x00", "").encode("utf-8", "surrogateescape") for e in EVIL]
NAMES += [b"not \xff\xfe UTF-8", b"new\nline ::error::x", b"..%2f..%2fx", b"x" * 255, b"-rf", b"$(id)", b".hidden"]


def write(path, data, mode="wb"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(data)


for i, name in enumerate(NAMES):
    profile = os.path.join(HOME, b"profiles", name)
    evil = EVIL[i % len(EVIL)].encode()
    write(os.path.join(profile, b"SOUL.md"), evil)
    quoted = repr(EVIL[i % len(EVIL)])[1:-1].replace('"', "'").replace("\\x", "\\u00").replace("\\'", "'")
    write(os.path.join(profile, b"gateway_state.json"), ('{"gateway_state":"%s","pid":1}' % quoted).encode())
    write(os.path.join(profile, b".gateway-planned-stop.json"), evil)
    write(os.path.join(profile, b"logs", b"gateway.log"), b"initiating shutdown " + evil + b"\n", "ab")
for evil in EVIL:
    word = "".join(c if not c.isspace() else "\u00a0" for c in evil)
    line = f"2026-01-01T00:00:00+0000 profile={word} prior_state={word} action={word}\n"
    write(os.path.join(HOME, b"logs", b"container-boot.log"), line.encode(), "ab")
    write(os.path.join(HOME, b"logs", b"gateway.log"), f"x as a planned gateway stop {evil}\n".encode(), "ab")
    write(os.path.join(HOME, b"logs", b"gateway-exit-diag.log"), b'{"tag":"gateway.exit_clean","pid":1,"x":"' + evil.encode() + b'"}\n', "ab")
    sys.stdout.buffer.write(evil.encode() + b"\r\n")
# In the default profile too, because its rows are judged.
write(os.path.join(HOME, b"gateway_state.json"), b'{"gateway_state":"\\u001b[2J<script>::error::]]>","desired_state":"##[error]","pid":1}')
sys.stdout.buffer.write(b"invalid \xff\xfe\n" + b"y" * 300_000 + b"\n")
