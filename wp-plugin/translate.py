"""Brings translations up to date: the template out of the sources, the .po files after it, the .mo files after those.

Needs gettext. What it writes is committed, and a test says when it is not fresh: `python wp-plugin/translate.py`.
"""

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "sedifex"
FUNCTIONS = ("__", "_e", "_n:1,2", "esc_html__", "esc_attr__", "esc_html_e", "esc_attr_e")
HEADER = """# Copyright Sedifex. Distributed under the same license as the plugin.
msgid ""
msgstr ""
"Project-Id-Version: Sedifex\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"X-Domain: sedifex\\n"

"""


def template() -> str:
    """The template of translations, out of the PHP files."""
    files = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.php"))
    keywords = [f"--keyword={each}" for each in FUNCTIONS]
    options = ["--language=PHP", "--from-code=UTF-8", "--add-comments=translators:", "--no-wrap", "--add-location=file"]
    found = _run("xgettext", *options, "--keyword", *keywords, "--output=-", *files)
    # Its own header has the time of day in it. (--omit-header would lose every character that is not ASCII.)
    return HEADER + found.partition("\n\n")[2]


def merge(po: Path, pot: Path) -> str:
    """A translation with the messages of the template."""
    return _run("msgmerge", "--quiet", "--no-wrap", "--no-fuzzy-matching", "--add-location=file", str(po), str(pot))


def compile_to(po: Path, mo: Path) -> None:
    """Writes the binary form of a translation. Raises SystemExit if it is not complete or does not fit."""
    _run("msgfmt", "--check-format", "--no-hash", f"--output-file={mo}", str(po))


def main() -> None:
    """Writes everything."""
    folder = SOURCE / "languages"
    pot = folder / "sedifex.pot"
    pot.write_text(template())
    for po in sorted(folder.glob("*.po")):
        po.write_text(merge(po, pot))
        compile_to(po, po.with_suffix(".mo"))


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise SystemExit(f"{command[0]}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
    sys.stdout.write(_run("msgfmt", "--statistics", "--output-file=/dev/null", "languages/sedifex-fr_FR.po"))
