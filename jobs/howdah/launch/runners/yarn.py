"""Applications on YARN: found by tag, waited for and killed, through whoever answers.

The ResourceManager's REST answers in milliseconds. Where its address is not told, it wants Kerberos
or it does not answer, `yarn application` is asked, a JVM for each question.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import time
from typing import Callable, NamedTuple, Optional
from urllib.parse import urlencode

from howdah.launch.console import notice
from howdah.launch.files.webhdfs import settings, user_name

ENDED = ("FINISHED", "FAILED", "KILLED")
RM = "yarn.resourcemanager."
DEFAULT_PORT = "8088"
#: A ResourceManager that restarts is back after some seconds.
PATIENCE = 60

# For which hadoop command it is said already that REST cannot be used.
_TOLD: set = set()


class Unanswered(Exception):
    """Neither the ResourceManager nor `yarn application` answers."""


class Application(NamedTuple):
    """An application as the ResourceManager knows it; REST alone tells `queue` and `asked`."""

    id: str
    state: str
    final: str
    diagnostics: str = ""
    queue: str = ""
    asked: str = ""

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def outcome(self) -> str:
        """SUCCEEDED, FAILED or KILLED, once it has ended."""
        return self.final if self.state == "FINISHED" else self.state


class ResourceManager:
    """What is asked of YARN; every method raises Unanswered where nobody answers."""

    def __init__(self, hadoop: str, conf: Optional[dict] = None):
        self._hadoop = hadoop
        self._addresses = addresses(settings() if conf is None else conf)

    def tagged(self, tag: str) -> list:
        """The applications with a tag, the newest first."""
        found = self._rest("GET", "?" + urlencode({"applicationTags": tag}))
        if found is not None:
            known = [_of_json(app) for app in (found.get("apps") or {}).get("app", ())]
        else:
            known = self._listed("-list", "-appStates", "ALL", "-appTags", tag)
        return sorted(known, key=lambda app: _number(app.id), reverse=True)

    def application(self, name: str) -> Optional[Application]:
        """An application by its id; None where it is not known any more."""
        found = self._rest("GET", "/" + name)
        if found is not None:
            return _of_json(found["app"]) if "app" in found else None
        said = self._yarn("-status", name)
        fields = dict(re.findall(r"^\s*([\w-]+) : (.*)$", said, re.MULTILINE))
        if fields.get("Application-Id") != name:
            return None
        return Application(name, fields.get("State", ""), fields.get("Final-State", ""),
                           said.partition("Diagnostics : ")[2].strip())

    def wait(self, app: Application, waiting: Callable[[], object] = lambda: None,
             seconds: float = 1) -> Optional[Application]:
        """An application once it has ended; `waiting` is called if that takes over 3 seconds.

        None where it is not known any more. A ResourceManager that is away is waited for, too.
        """
        began = answered = time.monotonic()
        told = False
        found: Optional[Application] = app
        while found is not None and not found.ended:
            if not told and time.monotonic() > began + 3:
                told = True
                waiting()
            time.sleep(seconds if told else 0.1)
            try:
                found = self.application(app.id)
                answered = time.monotonic()
            except Unanswered:
                if time.monotonic() > answered + PATIENCE:
                    raise
        return found

    def kill(self, name: str) -> bool:
        """Kill an application; whether it has ended then."""
        body = json.dumps({"state": "KILLED"}).encode()
        if self._rest("PUT", "/%s/state?%s" % (name, urlencode({"user.name": user_name()})),
                      body) is None:
            self._yarn("-kill", name)
        for _ in range(100):
            app = self.application(name)
            if app is None or app.ended:
                return True
            time.sleep(0.2)
        return False

    def free_memory(self) -> str:
        """What the cluster has left, for people; empty where that is not told."""
        found = (self._rest("GET", "", part="metrics") or {}).get("clusterMetrics", {})
        if not {"availableMB", "totalMB", "activeNodes"} <= set(found):
            return ""
        return "%(availableMB)d of %(totalMB)d MB on %(activeNodes)d nodes are free" % found

    def _rest(self, method: str, path: str, body: Optional[bytes] = None, part: str = "apps"
              ) -> Optional[dict]:
        """What the active ResourceManager answers, {} for what it does not know; None: nothing."""
        for address in self._addresses:
            connection = http.client.HTTPConnection(address, timeout=5)
            try:
                connection.request(method, "/ws/v1/cluster/%s%s" % (part, path), body,
                                   {"Accept": "application/json",
                                    "Content-Type": "application/json"})
                response = connection.getresponse()
                told = response.read()
                if response.status in (200, 202):
                    found = json.loads(told)
                    if isinstance(found, dict):
                        return found
                if response.status == 404 and b"NotFoundException" in told:
                    return {}
            except (OSError, http.client.HTTPException, ValueError):
                pass
            finally:
                connection.close()
        return None

    def _listed(self, *args: str) -> list:
        rows = (line.split("\t") for line in self._yarn(*args).splitlines())
        return [Application(row[0].strip(), row[5].strip(), row[6].strip()) for row in rows
                if len(row) > 6 and re.fullmatch(r"application_\d+_\d+", row[0].strip())]

    def _yarn(self, *args: str) -> str:
        command = yarn_command(self._hadoop)
        if command is None:
            raise Unanswered("There is no yarn command beside %s." % self._hadoop)
        if self._hadoop not in _TOLD:
            _TOLD.add(self._hadoop)
            notice("the ResourceManager's REST cannot be used from here; `yarn application` is"
                   " asked instead")
        try:
            done = subprocess.run([command, "application", *args], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        except subprocess.TimeoutExpired as error:
            raise Unanswered("yarn application does not answer.") from error
        said = done.stdout.decode("utf-8", "replace")
        if done.returncode and "doesn't exist" not in said + done.stderr.decode("utf-8", "replace"):
            raise Unanswered("yarn application fails.")
        return said


def addresses(conf: dict) -> list:
    """host:port of each ResourceManager's REST; none where it cannot be asked without a ticket."""
    usable = (conf.get("hadoop.security.authentication", "simple") == "simple"
              and conf.get("hadoop.http.authentication.type", "simple") == "simple"
              and conf.get("yarn.http.policy", "HTTP_ONLY") != "HTTPS_ONLY")
    if not usable:
        return []
    ids = [each.strip() for each in conf.get(RM + "ha.rm-ids", "").split(",") if each.strip()]
    found = []
    for end in ["." + each for each in ids] or [""]:
        host, _, port = conf.get(RM + "webapp.address" + end, "").rpartition(":")
        if not host or "$" in host or host == "0.0.0.0":
            host = conf.get(RM + "hostname" + end, "")
        port = port or DEFAULT_PORT
        if host and "$" not in host and port.isdecimal():
            found.append("%s:%s" % (host, port))
    return found


def yarn_command(hadoop: str) -> Optional[str]:
    """The yarn command beside a hadoop command, or on $PATH."""
    return shutil.which(os.path.join(os.path.dirname(hadoop), "yarn")) or shutil.which("yarn")


def _of_json(app: dict) -> Application:
    asked = [request.get("capability", {}) for request in app.get("resourceRequests") or ()]
    return Application(str(app.get("id")), str(app.get("state")), str(app.get("finalStatus")),
                       app.get("diagnostics") or "", app.get("queue") or "",
                       "%(memory)s MB and %(vCores)s cores" % asked[0]
                       if asked and {"memory", "vCores"} <= set(asked[0]) else "")


def _number(name: str) -> tuple:
    return tuple(map(int, re.findall(r"\d+", name)))
