"""Corpora as one text file for each target, one input in base64 on each line: small, and few files."""
import base64, hashlib, pathlib, sys

BYTES_MAX = 48 * 1024

def main() -> None:
    action, target, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    kept = pathlib.Path("corpus") / f"{target}.txt"
    if action == "unpack":
        for line in kept.read_text().split() if kept.exists() else []:
            data = base64.b64decode(line)
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
        return
    lines = [base64.b64encode(file.read_bytes()).decode() for file in folder.iterdir()]
    # What was kept stays: among it are inputs that the target reads. Then the shortest first, as far as the file may grow.
    known = kept.read_text().split() if kept.exists() else []
    text = "".join(line + "\n" for line in known)
    for line in sorted(set(filter(None, lines)) - set(known), key=lambda line: (len(line), line)):
        if len(text) + len(line) < BYTES_MAX:
            text += line + "\n"
    kept.write_text(text)

main()
