"""nginx in front, with the file that deploy/nginx has for production."""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cli.up.state import Refusal
from rig.process import last_lines

CONFIGURATION = Path(__file__).resolve().parents[1] / "deploy" / "nginx" / "sedifex.conf"
STOP_S = 10.0
NGINX = "/usr/sbin/nginx"
"""Where Debian has it; administrators' folders are not on every PATH."""
_MAIN = """
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/sedifex.conf;
}}
"""


@dataclass(frozen=True)
class Front:
    """nginx, and its folder."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, certificates: Path) -> "Front":
        """Makes its configuration; `certificates` is what is /etc/sedifex in production."""
        folder.mkdir()
        folder.chmod(0o755)
        text = CONFIGURATION.read_text().replace("/etc/sedifex", str(certificates))
        (folder / "sedifex.conf").write_text(text)
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
        return cls(folder)

    def start(self) -> None:
        """Starts it; it has read names and certificates when this returns.

        Raises:
            Refusal: it does not start.
        """
        self._run()

    def reload(self) -> None:
        """Has it read names and certificates anew; what is under way is answered by those who began it."""
        self._run("-s", "reload")

    def stop(self) -> None:
        """Stops it when everybody has been answered."""
        pid = self.folder / "nginx.pid"
        self._run("-s", "quit")
        deadline = time.monotonic() + STOP_S
        while pid.exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _run(self, *arguments: str) -> None:
        files = ("-c", str(self.folder / "nginx.conf"), "-e", str(self.folder / "nginx.log"))
        command = [shutil.which("nginx") or NGINX, *files, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise Refusal(f"nginx ended with {done.returncode}: {done.stderr}\n{last_lines(self.folder / 'nginx.log')}")
