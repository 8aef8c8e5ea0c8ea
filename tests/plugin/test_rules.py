"""The plugin's sources against the rules of reviewers: syntax, style, WordPress' own, headers, translations."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rig.wordpress.site import PLUGIN

TESTS = PLUGIN.parent / "tests"
BAD = {
    "echo $name;": "printed without escaping",
    'echo "Hello $name";': "printed without escaping",
    "echo esc_html($a) . $b;": "printed without escaping",
    "printf('%s', $name);": "printed without escaping",
    "$x = $_POST['name'];": "read without a check",
    "update_option('window', 1);": "an option without the prefix",
    "__('Shop', 'other');": "the text domain",
    "__($text, 'sedifex');": "not written out",
    "register_rest_route('sedifex/v1', '/x', ['permission_callback' => '__return_true']);": "a permission callback",
    "add_action('admin_post_sedifex_x', 'f');": "an action without current_user_can()",
    "wp_enqueue_style('x', 'https://cdn.example/x.css');": "an asset of another server",
}
GUARDED = "<?php\nnamespace Sedifex;\ndefined('ABSPATH') || exit;\n"


def sources(*kinds: str) -> list[str]:
    """The plugin's files of these kinds."""
    return sorted(str(path) for path in PLUGIN.rglob("*") if path.suffix in kinds)


def test_php_can_be_read() -> None:
    code = "foreach (array_slice($argv, 1) as $file) { passthru('php -l ' . escapeshellarg($file)); }"
    done = _run("php", "-r", code, "--", *sources(".php"))
    assert done.stdout.count("No syntax errors") == len(sources(".php")), done.stdout


def test_style_is_kept() -> None:
    done = _run("phpcs", f"--standard={TESTS / 'phpcs.xml'}", "-s", str(PLUGIN))
    assert done.returncode == 0, done.stdout


def test_the_rules_of_wordpress_are_kept() -> None:
    done = _run("php", str(TESTS / "rules.php"), *sources(".php", ".js", ".css"))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("line", list(BAD))
def test_what_breaks_a_rule_is_found(line: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.php"
    file.write_text(f"{GUARDED}{line}\n")
    done = _run("php", str(TESTS / "rules.php"), str(file))
    assert done.returncode == 1
    assert BAD[line] in done.stdout


def test_a_file_without_a_guard_or_a_namespace_is_found(tmp_path: Path) -> None:
    file = tmp_path / "bad.php"
    file.write_text("<?php\nfunction f() {}\n")
    said = _run("php", str(TESTS / "rules.php"), str(file)).stdout
    assert "no guard" in said
    assert "no namespace" in said


def test_no_script_or_style_of_pages_asks_another_server() -> None:
    for name in sources(".js", ".css"):
        assert not re.search(r"https?://", Path(name).read_text()), name


def test_headers_and_readme_say_the_same() -> None:
    main, readme = (PLUGIN / "sedifex.php").read_text(), (PLUGIN / "readme.txt").read_text()
    headers = dict(re.findall(r"^ \* ([A-Z][\w ]+?): +(.+)$", main, re.MULTILINE))
    told = dict(re.findall(r"^([A-Z][\w ]+?): (.+)$", readme.partition("==\n\n== ")[0], re.MULTILINE))
    assert f"const VERSION = '{headers['Version']}';" in main
    assert told["Stable tag"] == headers["Version"]
    assert f"= {headers['Version']} =" in readme
    for name in ("Requires at least", "Requires PHP"):
        assert told[name] == headers[name]
    assert (headers["Text Domain"], headers["License"]) == ("sedifex", "GPL-2.0-or-later")
    assert len(told["Tags"].split(",")) <= 5
    summary = readme.split("\n\n")[1].strip()
    assert 0 < len(summary) <= 150
    for section in ("Description", "Installation", "Frequently Asked Questions", "Screenshots", "Changelog"):
        assert f"== {section} ==" in readme
    assert "= External services =" in readme


def test_every_screenshot_has_its_caption() -> None:
    captions = re.findall(
        r"^(\d)\. ", (PLUGIN / "readme.txt").read_text().partition("== Screenshots ==")[2], re.MULTILINE
    )
    pictures = sorted(path.stem for path in (PLUGIN / "screenshots").iterdir())
    assert pictures == [f"screenshot-{number}" for number in captions]


def test_no_file_grows_beyond_what_one_reads_at_once() -> None:
    sizes = {name: len(Path(name).read_text().splitlines()) for name in sources(".php", ".js", ".css")}
    assert {name: size for name, size in sizes.items() if size > 320} == {}


def test_translations_are_fresh_and_whole(tmp_path: Path) -> None:
    translate = _load("translate")
    folder = PLUGIN / "languages"
    assert (folder / "sedifex.pot").read_text() == translate.template(), "run: python wp-plugin/translate.py"
    for po in folder.glob("*.po"):
        assert po.read_text() == translate.merge(po, folder / "sedifex.pot"), "run: python wp-plugin/translate.py"
        translate.compile_to(po, tmp_path / "fresh.mo")
        assert po.with_suffix(".mo").read_bytes() == (tmp_path / "fresh.mo").read_bytes()
        told = _run("msgfmt", "--statistics", "--output-file=/dev/null", str(po)).stderr
        assert "untranslated" not in told, told
        assert "fuzzy" not in told, told


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PLUGIN.parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
