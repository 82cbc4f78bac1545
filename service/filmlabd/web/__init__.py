"""The page: a process of its own, started by `filmlab show`. Reads the index and the prints, asks the daemon.

| room | what it answers |
|---|---|
| `guard` | which requests are answered at all: host, origin, method, path, token |
| `serve` | the process: port, token, what it prints, how it ends |
| `app` | which address leads where |
| `room`, `shelf`, `pulse` | what the handlers share: paths, bounded answers, "something has changed" |
| `documents` | runs and episodes as JSON |
| `curves`, `grains` | series as columns of a picture |
| `prints`, `posters` | files of a run, by episode; never by a path of the browser's |
| `assets` | scripts, styles and pages, loaded once |

`static/` has one small ES module for each thing on the page; `templates/` the frame around them.
"""
