"""Redis or Valkey as a server: can it be reached, does it keep what it says, has it room, is it the one that sells."""

from typing import Any

import msgspec

from control_plane.cli.doctor.findings import Finding, error, notice, warning
from store.link import Link, ScriptFailed

OLDEST_REDIS = 7
NEARLY_FULL = 0.85


class RedisFacts(msgspec.Struct, frozen=True):
    """What the server says of itself; settings are empty where it does not say."""

    info: dict[str, str]
    settings: dict[str, str]

    def number(self, name: str) -> int:
        """A number of INFO, 0 where there is none."""
        text = self.info.get(name, "0")
        return int(text) if text.lstrip("-").isdecimal() else 0


async def read_facts(link: Link) -> RedisFacts:
    """Ask it; RedisUnavailable where it does not answer."""
    info: dict[str, str] = {}
    for section in ("server", "memory", "persistence", "replication"):
        info |= _pairs(await link.command("INFO", section))
    settings: dict[str, str] = {}
    try:
        for name in ("appendonly", "appendfsync", "maxmemory-policy"):
            settings |= _pairs(await link.command("CONFIG", "GET", name))
    except ScriptFailed:  # the server does not say: settings that are missing are a finding
        settings = {}
    return RedisFacts(info, settings)


def _pairs(reply: Any) -> dict[str, str]:
    if isinstance(reply, bytes):
        lines = (line.partition(":") for line in reply.decode().splitlines() if ":" in line)
        return {name: value for name, _, value in lines}
    if isinstance(reply, list):
        reply = dict(zip(reply[::2], reply[1::2], strict=True))
    return {_text(name): _text(value) for name, value in reply.items()}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def unreachable(failure: Exception) -> Finding:
    """Why the URL leads nowhere."""
    if "AuthenticationError" in str(failure) or "NOAUTH" in str(failure) or "WRONGPASS" in str(failure):
        return error(
            "redis_login_refused",
            "Redis refuses the login of VAUCHFLOW_REDIS_URL.",
            "Nothing is sold: 503 recovering.",
            "Put the password of requirepass (or of the ACL user) into the URL.",
        )
    why = f"Redis does not answer at VAUCHFLOW_REDIS_URL: {failure}."
    if "LOADING" in str(failure):
        why = "Redis is loading its data."
    return error(
        "redis_unreachable",
        why,
        "Nothing is sold: 503 recovering. What is acknowledged is in PostgreSQL or in the engines' memory: leave those "
        "running.",
        "Start it with the data that it had; the shards open by themselves (docs/operating/recovery.md).",
    )


def examine(facts: RedisFacts, trusts_aof: bool) -> list[Finding]:
    """What the server's facts tell."""
    return [*_server(facts), *_replicas(facts, trusts_aof), *_file(facts), *_failed_writes(facts), *_memory(facts)]


def _server(facts: RedisFacts) -> list[Finding]:
    found = []
    version = facts.info.get("valkey_version") or facts.info.get("redis_version", "")
    if "valkey_version" not in facts.info and int(version.partition(".")[0] or 0) < OLDEST_REDIS:
        found.append(
            error(
                "redis_too_old",
                f"Redis is {version}; {OLDEST_REDIS} or newer, or Valkey, is needed.",
                "Scripts that say that they may be refused when memory is short are not understood.",
                "Upgrade the server.",
            )
        )
    if facts.info.get("role") != "master":
        found.append(
            error(
                "redis_is_replica",
                "The server behind VAUCHFLOW_REDIS_URL is a replica.",
                "It takes no writes, so nothing is sold.",
                "Point the URL at the primary; after a failover, at whoever is the primary now.",
            )
        )
    if facts.info.get("redis_mode") == "cluster":
        found.append(
            error(
                "redis_is_cluster",
                "The server runs in cluster mode.",
                "Processes connect to one server and do not follow redirections.",
                "Use a server of its own, or one for each installation.",
            )
        )
    return found


def _replicas(facts: RedisFacts, trusts_aof: bool) -> list[Finding]:
    count = facts.number("connected_slaves")
    if not count or not trusts_aof:
        return []
    return [
        warning(
            "trust_misplaced",
            f"VAUCHFLOW_TRUST_AOF is on, and Redis has {count} replica(s).",
            "A replica that is promoted lacks what had not reached it; with the trust on, and a worker missing, a "
            "server that comes back is believed all the same.",
            "Set VAUCHFLOW_TRUST_AOF=0 for the reconcilers, or see to it that nothing promotes a replica "
            "(docs/operating/recovery.md).",
        )
    ]


def _file(facts: RedisFacts) -> list[Finding]:
    if not facts.settings:
        return [
            warning(
                "redis_settings_hidden",
                "The server does not say how it is set up (CONFIG GET is refused).",
                "Whether it syncs before it answers is not known, so durability is called `fast` and its data are not "
                "believed after a restart.",
                "Allow CONFIG GET for this user, or look yourself: appendonly yes, appendfsync always, "
                "maxmemory-policy noeviction.",
            )
        ]
    found = []
    if facts.settings.get("appendonly") != "yes":
        found.append(
            error(
                "aof_off",
                "Redis keeps no append-only file (appendonly is not yes).",
                "A restart loses all that the ledger has not taken in; only the engines' memory still has it.",
                "CONFIG SET appendonly yes, and the same in its configuration file.",
            )
        )
    elif facts.settings.get("appendfsync") == "no":
        found.append(
            error(
                "aof_not_synced",
                "Redis never syncs its append-only file by itself (appendfsync no).",
                "A crash of the machine may lose half a minute of acknowledged redemptions: less than the class `fast` "
                "promises.",
                "CONFIG SET appendfsync always (or everysec, which is the class `fast`), and the same in its file.",
            )
        )
    elif facts.settings.get("appendfsync") != "always":
        found.append(
            notice(
                "durability_fast",
                "Redis syncs its append-only file once a second: redemptions are of the class `fast`.",
                "A crash of engine and Redis together may lose up to two seconds of answers, and W units are withheld.",
                "If that is not what you chose: CONFIG SET appendfsync always, and the same in its file.",
            )
        )
    if facts.settings.get("maxmemory-policy") != "noeviction":
        found.append(
            error(
                "redis_evicts",
                f"Redis throws keys away when it is full (maxmemory-policy {facts.settings.get('maxmemory-policy')}).",
                "A counter or an idempotency record that is gone is a limit, or a promise, that is forgotten.",
                "CONFIG SET maxmemory-policy noeviction, and the same in its file.",
            )
        )
    return found


def _failed_writes(facts: RedisFacts) -> list[Finding]:
    failed = [
        name
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
        if facts.info.get(name, "ok") != "ok"
    ]
    if not failed:
        return []
    return [
        error(
            "redis_cannot_write",
            f"Redis could not write its files: {', '.join(failed)}.",
            "It refuses what it cannot keep, and what is on its disk is not believed after a restart.",
            "Look into its log; most often the volume is full or not writable.",
        )
    ]


def _memory(facts: RedisFacts) -> list[Finding]:
    most, used = facts.number("maxmemory"), facts.number("used_memory")
    if not most:
        return [
            warning(
                "redis_unbounded",
                "Redis has no bound on its memory (maxmemory 0).",
                "The system ends it when memory runs out, instead of its refusing what it has no room for.",
                "Set maxmemory to about two thirds of the machine's memory, with maxmemory-policy noeviction.",
            )
        ]
    if used < most * NEARLY_FULL:
        return []
    return [
        error(
            "redis_nearly_full",
            f"Redis uses {used / 1e6:.0f} of {most / 1e6:.0f} MB.",
            "A full one refuses every redemption: 503.",
            "Raise maxmemory. What grows are idempotency records (24 h each) and, where the ledger lags, the streams.",
        )
    ]
