"""The zip: always the same bytes, and a site that installs from it, alone and in a network."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.wordpress import packages
from rig.wordpress.site import PLUGIN, Site, site

BUILD = PLUGIN.parent / "build.py"
NETWORK = """
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/network.php';
foreach ($GLOBALS['wpdb']->tables('ms_global') as $name => $table) { $GLOBALS['wpdb']->$name = $table; }
install_network();
populate_network(1, '127.0.0.1', 'ama@shop.example', 'Network', '/', false);
"""
LEFT = """
$left = [];
foreach (is_multisite() ? get_sites(['fields' => 'ids']) : [1] as $id) {
    is_multisite() && switch_to_blog($id);
    $names = $wpdb->get_col("SELECT option_name FROM $wpdb->options WHERE option_name LIKE '%sedifex%'");
    $left = array_merge($left, array_diff($names, ['_site_transient_timeout_sedifex']));
}
echo wp_json_encode($left);
"""

pytestmark = pytest.mark.timeout(300)


def build(target: Path) -> Path:
    """Builds the zip."""
    subprocess.run([sys.executable, str(BUILD), str(target)], check=True, capture_output=True)
    return target


def test_two_builds_are_the_same_bytes_and_hold_what_a_release_needs(tmp_path: Path) -> None:
    one, other = build(tmp_path / "one.zip"), build(tmp_path / "other.zip")
    assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()
    with zipfile.ZipFile(one) as archive:
        names = archive.namelist()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    assert {name.partition("/")[0] for name in names} == {"sedifex"}
    for name in ("sedifex.php", "readme.txt", "uninstall.php", "languages/sedifex.pot", "languages/sedifex-fr_FR.mo"):
        assert f"sedifex/{name}" in names
    assert "sedifex/screenshots/screenshot-1.jpg" in names
    assert [name for name in names if "test" in name] == []


def test_a_site_installs_from_the_zip_and_removal_leaves_nothing(tmp_path: Path) -> None:
    with _site(tmp_path, "alone") as wordpress:
        _install(wordpress, build(tmp_path / "sedifex.zip"))
        assert wordpress.value("shortcode_exists('sedifex_products')") is True
        wordpress.php(
            "Sedifex\\Connections::add('https://api.example', ['name' => 'stores/st_a', 'displayName' => 'A']);"
            "Sedifex\\Secrets::setKey('st_a', 'x'); Sedifex\\Schedule::plan('st_a', time());"
            "Sedifex\\ShopPages::create(Sedifex\\Connections::find('st_a'));"
        )
        _remove(wordpress)
        assert not (wordpress.folder / "wp-content" / "plugins" / "sedifex").exists()
        assert wordpress.php("global $wpdb;" + LEFT) == "[]"


def test_each_site_of_a_network_has_shops_of_its_own_and_removal_clears_all_of_them(tmp_path: Path) -> None:
    with _site(tmp_path, "network") as wordpress:
        config = wordpress.folder / "wp-config.php"
        config.write_text(config.read_text().replace("<?php\n", "<?php\ndefine('WP_ALLOW_MULTISITE', true);\n", 1))
        wordpress.php(NETWORK)
        port = wordpress.url.rpartition(":")[2]
        constants = (
            "define('MULTISITE', true); define('SUBDOMAIN_INSTALL', false); define('PATH_CURRENT_SITE', '/');"
            f"define('DOMAIN_CURRENT_SITE', '127.0.0.1:{port}');"
            "define('SITE_ID_CURRENT_SITE', 1); define('BLOG_ID_CURRENT_SITE', 1);"
        )
        wordpress.php(
            "$wpdb->update($wpdb->base_prefix . 'site', ['domain' => $_SERVER['HTTP_HOST']], ['id' => 1]);"
            "$wpdb->update($wpdb->base_prefix . 'blogs', ['domain' => $_SERVER['HTTP_HOST']], ['blog_id' => 1]);"
        )
        config.write_text(config.read_text().replace("<?php\n", f"<?php\n{constants}\n", 1))
        _install(wordpress, build(tmp_path / "sedifex.zip"), "true")
        second = wordpress.value("wpmu_create_blog($_SERVER['HTTP_HOST'], '/second/', 'Second', 1)")
        for number, name in ((1, "A"), (second, "B")):
            wordpress.php(
                "switch_to_blog((int) $argv[1]); Sedifex\\Connections::add('https://api.example',"
                "['name' => 'stores/st_x', 'displayName' => $argv[2]]); Sedifex\\Secrets::setKey('st_x', 'x');",
                str(number),
                name,
            )
        assert [
            wordpress.php(f"switch_to_blog({n}); echo Sedifex\\Connections::find('')['name'];") for n in (1, second)
        ] == ["A", "B"]
        _remove(wordpress)
        assert wordpress.php("global $wpdb;" + LEFT) == "[]"


@contextmanager
def _site(folder: Path, name: str) -> Iterator[Site]:
    try:
        with site(folder / name, "7.1", serve=False) as made:
            made.install(None)
            yield made
    except packages.UnavailableError as problem:
        pytest.skip(str(problem))


def _install(wordpress: Site, archive: Path, network_wide: str = "false") -> None:
    """As WordPress' own page "Upload Plugin" does it."""
    said = wordpress.php(
        "require_once ABSPATH . 'wp-admin/includes/admin.php';"
        "require_once ABSPATH . 'wp-admin/includes/class-wp-upgrader.php';"
        "wp_set_current_user(1); $done = (new Plugin_Upgrader(new Automatic_Upgrader_Skin()))->install($argv[1]);"
        f"if ($done === true) {{ $done = activate_plugin('sedifex/sedifex.php', '', {network_wide}); }}"
        "echo wp_json_encode($done);",
        str(archive),
    )
    assert said == "null", said


def _remove(wordpress: Site) -> None:
    """As "Delete" on the list of plugins does it."""
    wordpress.php(
        "require_once ABSPATH . 'wp-admin/includes/admin.php'; wp_set_current_user(1);"
        "deactivate_plugins('sedifex/sedifex.php'); delete_plugins(['sedifex/sedifex.php']);"
    )
