"""The mandatory profile: every Zenoh setting that the fabric relies on, with its reason."""

import json
from typing import Any

import zenoh

from serambi.base.limits import LIVE_MESSAGE_MAX_BYTES
from serambi.fabric.addresses import check_endpoint, ordered
from serambi.fabric.keys import check_site, echo, everything, ingest
from serambi.fabric.port import TlsFiles

# A control message overtakes a state, a state overtakes pictures.
COMMAND_PRIORITY = zenoh.Priority.INTERACTIVE_HIGH
STATE_PRIORITY = zenoh.Priority.DATA_HIGH
LIVE_PRIORITY = zenoh.Priority.DATA_LOW
# Recorded pictures go when nothing else wants the link.
PLAYBACK_PRIORITY = zenoh.Priority.BACKGROUND
# Behind commands, but on their side of the two TLS links: a batch never waits for pictures.
BATCH_PRIORITY = zenoh.Priority.DATA_HIGH

RETRY_FIRST_S = 0.5
# An attempt may take its 3 s and the keeper half a second to notice: back within 5 s.
RETRY_MAX_S = 1.0
OPEN_LIMIT_S = 3.0
CLOSE_LIMIT_S = 2.0
DECLARE_LIMIT_S = 0.5
DECLARE_LOOK_S = 0.002
REOPEN_LIMIT_S = 15.0
LEASE_MS = 4000
MAX_SITES = 20_000
PUBLISHERS_MAX = 1024
COMMANDS_AT_ONCE = 32
STATE_INBOX = 4
ECHO_LIMIT_S = 2.0
# Longer than a saturated link or a busy center lets anybody wait.
HEAR_EVERY_S = 3.0
DEAF_AFTER = 4
PURGE_LIMIT_S = 1.5
# What was handed to Zenoh earlier than this has arrived or was lost.
PLAYBACK_UNHEARD_S = 30.0
PLAYBACK_GIVE_S = 10.0
# Behind the pictures, or it would say nothing about them.
ECHO_PRIORITY = LIVE_PRIORITY
PRESENCE_INBOX = 16
BATCH_INBOX = 2
BATCHES_WAITING = 256
BATCHES_AT_ONCE = 4
_RULES = ("says", "hears", "asks", "is-answered")
_DROP_WAIT_US = 20_000
_DROP_WAIT_FRAGMENTS_US = 200_000
_BLOCK_WAIT_US = 300_000


def _base(mode: str, tls: TlsFiles) -> zenoh.Config:
    config = zenoh.Config()
    _set(config, "mode", mode)
    _set(config, "scouting/multicast/enabled", False)
    _set(config, "scouting/gossip/enabled", False)
    # Nothing is scouted for, so there is nothing to wait for when a router starts.
    _set(config, "scouting/delay", 0)
    _set(config, "transport/shared_memory/enabled", False)
    _set(config, "transport/link/protocols", ["quic", "tls"])
    _set(config, "transport/link/tx/lease", LEASE_MS)
    _set(config, "transport/unicast/max_links", 2)
    _set(config, "transport/unicast/open_timeout", int(OPEN_LIMIT_S * 1000))
    _set(config, "transport/link/rx/max_message_size", LIVE_MESSAGE_MAX_BYTES + 65_536)
    _set(
        config,
        "transport/link/tx/queue/congestion_control/drop",
        {
            "wait_before_drop": _DROP_WAIT_US,
            "max_wait_before_drop_fragments": _DROP_WAIT_FRAGMENTS_US,
        },
    )
    _set(
        config,
        "transport/link/tls",
        {
            "root_ca_certificate": str(tls.ca),
            "listen_private_key": str(tls.key),
            "listen_certificate": str(tls.cert),
            "connect_private_key": str(tls.key),
            "connect_certificate": str(tls.cert),
            "enable_mtls": True,
            "verify_name_on_connect": True,
            "close_link_on_expiration": True,
        },
    )
    return config


def center_config(listen: tuple[str, ...], tls: TlsFiles, sites: frozenset[str]) -> zenoh.Config:
    """A router that listens on `listen` and lets each of `sites` speak for itself alone."""
    config = _base("router", tls)
    _set(config, "listen/endpoints", [check_endpoint(endpoint) for endpoint in listen])
    _set(config, "listen/exit_on_failure", True)
    _set(config, "transport/unicast/max_sessions", MAX_SITES)
    _set(
        config,
        "transport/link/tx/queue/congestion_control/block",
        {"wait_before_close": _BLOCK_WAIT_US},
    )
    _set(config, "access_control", access(sites))
    return config


def site_config(endpoints: tuple[str, ...], tls: TlsFiles) -> zenoh.Config:
    """A client of the center: QUIC first, then TLS as two links, so that pictures never hold up
    a command."""
    config = _base("client", tls)
    _set(config, "connect/endpoints", ordered(endpoints))
    # One pass over the endpoints per try: with an endless wait Zenoh never leaves the first.
    _set(config, "connect/timeout_ms", 0)
    _set(config, "connect/exit_on_failure", True)
    _set(
        config,
        "connect/retry",
        {
            "period_init_ms": int(RETRY_FIRST_S * 1000),
            "period_max_ms": int(RETRY_MAX_S * 1000),
            "period_increase_factor": 2,
        },
    )
    return config


def access(sites: frozenset[str]) -> dict[str, Any]:
    """Zenoh's access list: by the certificate's name, everything else denied.

    Cannot change while the router runs: a new site means a new router in this process.
    """
    rules: list[dict[str, Any]] = []
    for site in sorted(sites):
        check_site(site)
        says = ["put", "reply", "declare_queryable", "liveliness_token"]
        hears = ["query", "declare_subscriber"]
        own, asked = everything(site), [echo(site), ingest(site)]
        for name, flow, messages, key_exprs in (
            ("says", "ingress", says, [own]),
            ("hears", "egress", hears, [own]),
            ("asks", "ingress", ["query"], asked),
            ("is-answered", "egress", ["reply", "declare_queryable"], asked),
        ):
            rules.append(
                {
                    "id": f"{site}-{name}",
                    "permission": "allow",
                    "flows": [flow],
                    "messages": messages,
                    "key_exprs": key_exprs,
                }
            )
    return {
        "enabled": True,
        "default_permission": "deny",
        "rules": rules,
        "subjects": [{"id": site, "cert_common_names": [site]} for site in sorted(sites)],
        "policies": [
            {"rules": [f"{site}-{name}" for name in _RULES], "subjects": [site]}
            for site in sorted(sites)
        ],
    }


def _set(config: zenoh.Config, key: str, value: object) -> None:
    config.insert_json5(key, json.dumps(value))
