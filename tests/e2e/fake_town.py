"""The town that the fake center tells of: every state a tile can be in."""

from typing import Any

ACCOUNT = ("jaga1", "tes-sandi")
ME = {
    "account": "jaga1",
    "name": "Petugas jaga 1",
    "role": "operator",
    "unit": "Polres",
    "party": {"id": "polres", "name": {"id": "Polres", "en": "Polres"}},
}
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_CONTACTS = {
    "kpu": ("Pos jaga gudang, pesawat 31", "Warehouse guard post, extension 31"),
    "dishub": ("Ruang kendali Dishub, pesawat 214", "Dishub control room, extension 214"),
    "bawaslu": ("Sekretariat, pesawat 12", "Secretariat, extension 12"),
}
_NAMES = {"kpu": "KPU", "dishub": "Dishub", "bawaslu": "Bawaslu"}
_SITES = {
    "gudang-kpu": ("kpu", "Gudang Logistik KPU", "KPU Logistics Warehouse"),
    "jalan-dishub": ("dishub", "Kamera jalan Dishub", "Dishub street cameras"),
    "kantor-kpu": ("kpu", "Kantor KPU", "KPU office"),
    "kantor-bawaslu": ("bawaslu", "Kantor Bawaslu", "Bawaslu office"),
}
# id (= scene), number, site, names, facing
_CAMERAS = [
    ("gate", "101", "gudang-kpu", "Gerbang utama", "Main gate", "street"),
    ("yard", "102", "gudang-kpu", "Halaman timur", "East yard", "yard"),
    ("dock", "103", "gudang-kpu", "Dermaga muat", "Loading dock", "yard"),
    ("wall", "104", "gudang-kpu", "Tembok barat", "West wall", "street"),
    ("crossing", "141", "jalan-dishub", "Simpang Merdeka", "Merdeka junction", "street"),
    ("street", "147", "jalan-dishub", "Jl. Kenanga utara", "Kenanga St. north", "street"),
    ("lane", "148", "jalan-dishub", "Jl. Cempaka", "Cempaka St.", "street"),
    ("square", "149", "jalan-dishub", "Alun-alun selatan", "South square", "street"),
    ("kpu_front", "201", "kantor-kpu", "Depan kantor KPU", "Front of the KPU office", "street"),
]


def text(indonesian: str, english: str) -> dict[str, str]:
    return {"id": indonesian, "en": english}


def sites(now_ms: int) -> list[dict[str, Any]]:
    found = []
    for site, (owner, indonesian, english) in _SITES.items():
        missing = [{"id": "bawaslu", "name": text("Bawaslu", "Bawaslu")}]
        waiting = [{"agreement": "2026-04", "missing": missing, "parties": 5}]
        found.append(
            {
                "id": site,
                "name": text(indonesian, english),
                "owner": owner,
                "owner_name": text(_NAMES[owner], _NAMES[owner]),
                "contact": text(*_CONTACTS[owner]),
                "online": True,
                "since_ms": now_ms - 5 * HOUR_MS,
                "waiting": waiting if owner == "bawaslu" else [],
                "cameras": sum(1 for camera in _CAMERAS if camera[2] == site),
                "place": None,
            }
        )
    return found


def cameras(now_ms: int) -> list[dict[str, Any]]:
    found = []
    for camera, number, site, indonesian, english, facing in _CAMERAS:
        owner, site_id, site_en = _SITES[site]
        days = 37 if owner == "dishub" else 16
        found.append(
            {
                "id": camera,
                "number": number,
                "name": text(indonesian, english),
                "site": site,
                "site_name": text(site_id, site_en),
                "owner": owner,
                "owner_name": text(_NAMES[owner], _NAMES[owner]),
                "contact": text(*_CONTACTS[owner]),
                "facing": facing,
                "agreement": "2026-02" if owner == "dishub" else "2026-03",
                "until_ms": now_ms + days * DAY_MS + 6 * HOUR_MS + 1_000_000,
                "actions": ["live", "alerts"],
                "purposes": _PURPOSES,
                "state": "open",
                "since_ms": now_ms - 5 * HOUR_MS,
                "opens_ms": 0,
                "online": True,
                "offline_since_ms": 0,
                "trouble": "",
                "streams": {
                    "main": {"width": 1280, "height": 720, "fps": 20},
                    "sub": {"width": 640, "height": 360, "fps": 10},
                },
                "sector": None,
            }
        )
    return found


_PURPOSES = [
    {
        "id": "routine_watch",
        "text": text(
            "Pengamanan gudang dan distribusi logistik pemilu",
            "Securing the warehouse and the distribution of election supplies",
        ),
    },
    {
        "id": "incident",
        "text": text(
            "Penanganan insiden bersama instansi terkait",
            "Handling incidents together with the institutions concerned",
        ),
    },
]
