"""Matomo's tables on MariaDB, as far as they bear on a visitor, and rows of several visitors and of strangers."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pymysql
from pymysql.cursors import DictCursor
from sqlalchemy import make_url

Row = dict[str, Any]

# Another Matomo may stand in the same database.
PREFIX, OTHER = "Pk_Data1_", "other_"
EMAIL = "jane@example.com"
JANE, TWIN, STRANGER = (bytes.fromhex(one) for one in ("5f3a9b1c2d4e6f70", "005c27ff00000000", "5f3a9b1c2d4e6f71"))

TABLES = """
CREATE TABLE {p}site (idsite int unsigned PRIMARY KEY AUTO_INCREMENT, name varchar(90) NOT NULL,
    main_url varchar(255) NOT NULL, currency char(3) NOT NULL);
CREATE TABLE {p}goal (idsite int NOT NULL, idgoal int NOT NULL, name varchar(50) NOT NULL,
    description varchar(255) NOT NULL DEFAULT '', PRIMARY KEY (idsite, idgoal));
CREATE TABLE {p}log_action (idaction int unsigned PRIMARY KEY AUTO_INCREMENT, name varchar(4096),
    hash int unsigned NOT NULL DEFAULT 0, type tinyint unsigned, url_prefix tinyint, KEY by_type (type, hash));
CREATE TABLE {p}log_visit (idvisit bigint unsigned PRIMARY KEY AUTO_INCREMENT, idsite int unsigned NOT NULL,
    idvisitor binary(8) NOT NULL, visit_last_action_time datetime NOT NULL, config_id binary(8) NOT NULL,
    location_ip varbinary(16) NOT NULL, profilable tinyint, user_id varchar(200), visit_first_action_time datetime NOT NULL,
    visit_goal_buyer tinyint, visit_goal_converted tinyint, visitor_returning tinyint,
    visitor_seconds_since_first int unsigned, visitor_count_visits int unsigned NOT NULL DEFAULT 0,
    visit_entry_idaction_name int unsigned, visit_entry_idaction_url int unsigned, visit_exit_idaction_name int unsigned,
    visit_exit_idaction_url int unsigned DEFAULT 0, visit_total_actions int unsigned, visit_total_searches smallint unsigned,
    referer_keyword varchar(255), referer_name varchar(255), referer_type tinyint unsigned, referer_url varchar(1500),
    location_browser_lang varchar(20), config_browser_engine varchar(10), config_browser_name varchar(40),
    config_browser_version varchar(20), config_client_type tinyint,
    config_device_brand varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci,
    config_device_model varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci, config_device_type tinyint,
    config_os char(3), config_os_version varchar(100) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci,
    visit_total_events int unsigned, visitor_localtime time, config_resolution varchar(18),
    visit_total_time int unsigned NOT NULL DEFAULT 0, location_city varchar(255), location_country char(3),
    location_latitude decimal(9, 6), location_longitude decimal(9, 6), location_region char(3),
    custom_dimension_1 varchar(255), custom_dimension_2 varchar(255),
    KEY by_config (idsite, config_id, visit_last_action_time), KEY by_time (idsite, visit_last_action_time),
    KEY by_visitor (idsite, idvisitor, visit_last_action_time));
CREATE TABLE {p}log_link_visit_action (idlink_va bigint unsigned PRIMARY KEY AUTO_INCREMENT, idsite int unsigned NOT NULL,
    idvisitor binary(8) NOT NULL, idvisit bigint unsigned NOT NULL, idaction_url_ref int unsigned DEFAULT 0,
    idaction_name_ref int unsigned, custom_float double, pageview_position mediumint unsigned, server_time datetime NOT NULL,
    idpageview char(6), idaction_name int unsigned, idaction_url int unsigned, search_cat varchar(200),
    search_count int unsigned, time_spent_ref_action int unsigned, idaction_event_action int unsigned,
    idaction_event_category int unsigned, idaction_content_interaction int unsigned, idaction_content_name int unsigned,
    idaction_content_piece int unsigned, idaction_content_target int unsigned, {products}
    custom_dimension_1 varchar(255), custom_dimension_2 varchar(255), KEY by_visit (idvisit));
CREATE TABLE {p}log_conversion (idvisit bigint unsigned NOT NULL, idsite int unsigned NOT NULL, idvisitor binary(8) NOT NULL,
    server_time datetime NOT NULL, idaction_url int unsigned, idlink_va bigint unsigned, idgoal int NOT NULL,
    buster int unsigned NOT NULL, idorder varchar(100), items smallint unsigned, url varchar(4096) NOT NULL, revenue double,
    revenue_shipping double, revenue_subtotal double, revenue_tax double, revenue_discount double,
    referer_type tinyint unsigned, referer_name varchar(255), config_browser_name varchar(40), config_device_type tinyint,
    custom_dimension_1 varchar(255), PRIMARY KEY (idvisit, idgoal, buster), UNIQUE KEY by_order (idsite, idorder));
CREATE TABLE {p}log_conversion_item (idsite int unsigned NOT NULL, idvisitor binary(8) NOT NULL, server_time datetime NOT NULL,
    idvisit bigint unsigned NOT NULL, idorder varchar(100) NOT NULL, idaction_sku int unsigned NOT NULL,
    idaction_name int unsigned NOT NULL, idaction_category int unsigned NOT NULL, idaction_category2 int unsigned NOT NULL,
    idaction_category3 int unsigned NOT NULL, idaction_category4 int unsigned NOT NULL, idaction_category5 int unsigned NOT NULL,
    price double NOT NULL, quantity int unsigned NOT NULL, deleted tinyint unsigned NOT NULL,
    PRIMARY KEY (idvisit, idorder, idaction_sku));
"""
_PRODUCTS = """product_price double, idaction_product_cat int unsigned, idaction_product_cat2 int unsigned,
    idaction_product_cat3 int unsigned, idaction_product_cat4 int unsigned, idaction_product_cat5 int unsigned,
    idaction_product_name int unsigned, idaction_product_sku int unsigned,"""
PLUGINS = """
CREATE TABLE {p}custom_dimensions (idcustomdimension bigint unsigned NOT NULL, idsite bigint unsigned NOT NULL,
    name varchar(100) NOT NULL, `index` smallint unsigned NOT NULL, scope varchar(10) NOT NULL,
    active tinyint unsigned NOT NULL DEFAULT 0, PRIMARY KEY (idcustomdimension, idsite));
CREATE TABLE {p}log_media (idview char(6) PRIMARY KEY, idsite int unsigned NOT NULL, idvisitor binary(8) NOT NULL,
    idvisit bigint unsigned NOT NULL, media_title varchar(200), watched_time int);
"""

EMOJI, HEBREW = "Neuheiten 📱🇩🇪", "ברוכים הבאים"
ACTIONS: dict[int, tuple[str, int, int | None]] = {
    1: ("shop.example/", 1, 0), 2: ("shop.example/new?a=1&b=é", 1, 1), 3: ("shop.example/sale", 1, 2),
    4: ("shop.example/he", 1, 3), 5: ("app://home", 1, None), 6: ("partner.example/x", 2, 2),
    7: ("shop.example/list.pdf", 3, 2), 8: ("Welcome", 4, None), 9: (EMOJI, 4, None), 10: (HEBREW, 4, None),
    11: ("blue shoes", 8, None), 12: ("Video", 10, None), 13: ("play", 11, None), 14: ("Spring\\'s \"film\"", 12, None),
    15: ("Banner", 13, None), 16: ("banner.png", 14, None), 17: ("shop.example/sale", 15, 2), 18: ("click", 16, None),
    19: ("SKU-1", 5, None), 20: ("Blue shoe", 6, None), 21: ("Shoes", 7, None), 22: ("Summer", 7, None),
    23: ("SKU-2", 5, None), 24: ("Laces", 6, None), 25: ("a stranger's page", 1, 0),
}  # fmt: skip

IPHONE = {"config_device_type": 1, "config_device_brand": "AP", "config_device_model": "iPhone", "config_os": "IOS", "config_browser_name": "MF"}  # fmt: skip
WINDOWS = {"config_device_type": 0, "config_device_brand": "", "config_device_model": "generic desktop", "config_os": "WIN", "config_browser_name": "FF"}  # fmt: skip
ANDROID = {"config_device_type": 1, "config_device_brand": "XI", "config_os": "AND", "config_browser_name": "CM"}
# What Matomo writes where it recognised nothing, and what an import leaves.
UNKNOWN = {"config_device_type": None, "config_device_brand": "XX", "config_device_model": "", "config_os": "UNK", "config_browser_name": "UNK"}  # fmt: skip
EMPTY = dict.fromkeys(UNKNOWN)
ODD = {"config_device_type": 2, "config_device_brand": "KN", "config_device_model": "generic tablet", "config_os": "XYZ", "config_browser_name": "Some App"}  # fmt: skip
_IPV4, _IPV6, _ANONYMISED = (
    bytes([203, 0, 113, 7]),
    bytes.fromhex("20010db8000000000000000000000001"),
    bytes([203, 0, 0, 0]),
)
_START = datetime(2026, 3, 1, 8)  # noqa: DTZ001  Matomo writes UTC without saying so


def at(hours: float) -> datetime:
    return _START + timedelta(hours=hours)


def _visit(number: int, visitor: bytes, seen: Row, site: int = 1, ip: bytes = _IPV4, **more: Any) -> Row:
    own = {"idvisit": number, "idsite": site, "idvisitor": visitor, "location_ip": ip, "config_id": bytes(range(8))}
    times = {
        "visit_first_action_time": at(number),
        "visit_last_action_time": at(number + 0.5),
        "visit_total_time": 1800,
    }
    return own | times | seen | more


VISITS = [
    _visit(1, JANE, IPHONE, ip=_ANONYMISED, user_id="Jane@Example.com", referer_type=1, visit_goal_buyer=3, config_client_type=1,
           visit_entry_idaction_url=1, visit_entry_idaction_name=8, visit_exit_idaction_url=4, visit_exit_idaction_name=10,
           visitor_localtime=timedelta(hours=9, minutes=1), location_latitude="52.520008", location_country="de",
           custom_dimension_2="Gold"),
    _visit(2, JANE, IPHONE, site=2, ip=_IPV6, referer_type=2, referer_keyword="schuhe 👟", custom_dimension_2="Silver"),
    _visit(3, JANE, WINDOWS, user_id="jane@example.com", referer_type=3, referer_url="https://partner.example/'x"),
    # Its site was deleted, and somebody else signed in.
    _visit(4, JANE, WINDOWS | {"config_os_version": "11"}, site=9, user_id="bob@example.com", referer_type=6),
    _visit(5, JANE, UNKNOWN, referer_type=7), _visit(6, JANE, EMPTY, site=2),
    _visit(7, JANE, ANDROID | {"config_device_model": "Redmi Note"}), _visit(8, JANE, ANDROID | {"config_device_brand": "Xiaomi", "config_device_model": "redmi note"}),
    _visit(9, JANE, ODD), _visit(10, TWIN, IPHONE, user_id="JANE@EXAMPLE.COM"),
    _visit(11, STRANGER, IPHONE, user_id="jane@example.community", visit_entry_idaction_url=25, custom_dimension_2="Lead"),
    _visit(12, STRANGER, EMPTY), _visit(13, STRANGER, WINDOWS),
]  # fmt: skip


def _did(number: int, visit: int, **more: Any) -> Row:
    (of,) = [one for one in VISITS if one["idvisit"] == visit]
    own = {"idlink_va": number, "idvisit": visit, "idsite": of["idsite"], "idvisitor": of["idvisitor"]}
    return own | {"server_time": at(visit + number / 1000)} | more


_EVENT = {"idaction_event_category": 12, "idaction_event_action": 13, "idaction_name": 14, "custom_float": 2.5}
_CONTENT = {"idaction_content_name": 15, "idaction_content_piece": 16, "idaction_content_target": 17, "idaction_content_interaction": 18}  # fmt: skip
DONE = [
    _did(1, 1, idaction_url=1, idaction_name=8, custom_dimension_1="Anna"),
    _did(2, 1, idaction_url=2, idaction_name=9, idaction_url_ref=1, idaction_name_ref=8, time_spent_ref_action=7),
    _did(3, 1, idaction_url=3), _did(4, 1, idaction_url=4, idaction_name=10), _did(5, 1, idaction_url=5), _did(6, 1),
    _did(7, 1, idaction_url=6, idaction_url_ref=3), _did(8, 1, idaction_url=7, idaction_url_ref=3, idaction_name_ref=9),
    _did(9, 1, idaction_url=3, idaction_name=11, search_cat="Shoes", search_count=4), _did(10, 1, idaction_name=11),
    _did(11, 1, idaction_url=3, **_EVENT), _did(12, 1, idaction_url=3, **_CONTENT),
    # Written when the cookie was another's name still: the visit decides.
    _did(13, 2, idaction_url=4, idaction_name=10) | {"idvisitor": STRANGER},
    _did(14, 3, idaction_url=1), _did(15, 4, idaction_url=2), _did(16, 5, idaction_url=1), _did(17, 6, idaction_url=2),
    _did(18, 7, idaction_url=1), _did(19, 8, idaction_url=2), _did(20, 10, idaction_url=1),
    *(_did(30 + number, visit, idaction_url=25, custom_dimension_1="Lead") for number, visit in enumerate((11, 12, 13))),
    _did(40, 11, **_EVENT), _did(41, 11, **_CONTENT), _did(42, 11, idaction_url=7), _did(43, 11, idaction_name=11),
    # A row under her cookie that belongs to a stranger's visit.
    _did(44, 11, idaction_url=1) | {"idvisitor": JANE},
]  # fmt: skip
VIEWED = [
    _did(21, 1, idaction_url=3, idaction_product_sku=19, idaction_product_name=20, idaction_product_cat=21, idaction_product_cat2=22, product_price=59.9),
    _did(22, 1, idaction_url=3, idaction_product_cat5=22), _did(45, 11, idaction_url=3, idaction_product_sku=23),
]  # fmt: skip


def _reached(visit: int, goal: int, buster: int = 0, **more: Any) -> Row:
    (of,) = [one for one in VISITS if one["idvisit"] == visit]
    own = {
        "idvisit": visit,
        "idsite": of["idsite"],
        "idvisitor": of["idvisitor"],
        "server_time": at(visit + 0.2 + buster),
    }
    return own | {"idgoal": goal, "buster": buster, "url": "https://shop.example/thanks"} | more


CONVERSIONS = [
    _reached(1, 1, referer_type=2), _reached(1, 1, 1, revenue=3.5, referer_type=6), _reached(2, 1), _reached(1, 7),
    _reached(1, 0, 5, idorder="A-1", items=2, revenue=119.8, revenue_tax=19.13, revenue_subtotal=100.67, referer_type=1),
    _reached(1, -1, 6, items=1, revenue=4.5), _reached(3, 0, idorder="A-2", revenue=1e-7),
    _reached(11, 1), _reached(11, 0, idorder="B-1", revenue=9.0), _reached(11, -1),
]  # fmt: skip


def _bought(visit: int, order: str, sku: int, name: int, **more: Any) -> Row:
    (of,) = [one for one in VISITS if one["idvisit"] == visit]
    none = {f"idaction_category{place}": 0 for place in ("", 2, 3, 4, 5)}
    own = {"idvisit": visit, "idsite": of["idsite"], "idvisitor": of["idvisitor"], "server_time": at(visit + 0.2)}
    return own | none | {"idorder": order, "idaction_sku": sku, "idaction_name": name, "price": 59.9, "quantity": 1, "deleted": 0} | more  # fmt: skip


ITEMS = [
    _bought(1, "A-1", 19, 20, idaction_category=21, idaction_category2=22, quantity=2),
    _bought(1, "0", 23, 24, price=4.5), _bought(1, "0", 19, 20, deleted=1), _bought(3, "A-2", 23, 0),
    _bought(11, "B-1", 19, 20), _bought(11, "0", 23, 24),
]  # fmt: skip
DIMENSIONS = [
    {"idcustomdimension": number, "idsite": site, "name": name, "index": index, "scope": scope, "active": 1}
    for number, site, name, index, scope in [
        (1, 1, "Tariff", 2, "visit"), (2, 1, "Author", 1, "action"), (1, 2, "Tarif", 2, "visit"),
    ]
]  # fmt: skip
MEDIA = [
    {"idview": f"view{visit}", "idsite": 1, "idvisitor": visitor, "idvisit": visit, "media_title": title, "watched_time": 9}
    for visit, visitor, title in [(1, JANE, "Film 🎬"), (3, JANE, "Other film"), (11, STRANGER, "A stranger's film")]
]  # fmt: skip
CORE: dict[str, list[Row]] = {
    "site": [{"idsite": 1, "name": "Shop", "main_url": "https://shop.example", "currency": "EUR"},
             {"idsite": 2, "name": "Blog", "main_url": "https://blog.example", "currency": "USD"}],
    "goal": [{"idsite": 1, "idgoal": 1, "name": "Newsletter", "description": "Signed up"},
             {"idsite": 2, "idgoal": 1, "name": "Comment"}],
    "log_action": [{"idaction": number, "name": name, "type": kind, "url_prefix": prefix} for number, (name, kind, prefix) in ACTIONS.items()],
    "log_visit": VISITS, "log_link_visit_action": DONE, "log_conversion": CONVERSIONS, "log_conversion_item": ITEMS,
}  # fmt: skip


def fill(url: str, *, newer: bool = True) -> None:
    """This Matomo's tables, and beside them another's, in which all rows are Jane's as well. Without `newer`, no plugin
    and no columns for products."""
    with closing(_connected(url)) as server, server.cursor() as cursor:
        for prefix in (PREFIX, OTHER):
            for order in (TABLES + (PLUGINS if newer else "")).split(";\n")[:-1]:
                cursor.execute(order.replace("{p}", prefix).replace("{products}", _PRODUCTS if newer else ""))
            more = {"custom_dimensions": DIMENSIONS, "log_media": MEDIA} if newer else {}
            for table, rows in {**CORE, **more}.items():
                for row in rows + (VIEWED if newer and table == "log_link_visit_action" else []):
                    names = ", ".join(f"`{name}`" for name in row)
                    places = ", ".join(["%s"] * len(row))
                    given = {
                        name: JANE if prefix == OTHER and name == "idvisitor" else value for name, value in row.items()
                    }
                    cursor.execute(f"INSERT INTO {prefix}{table} ({names}) VALUES ({places})", list(given.values()))
        server.commit()


def everything(url: str) -> dict[str, list[Row]]:
    """This Matomo's tables as they are, read with the driver alone."""
    with closing(_connected(url)) as server, server.cursor(DictCursor) as cursor:
        cursor.execute("SHOW TABLES")
        names = [str(next(iter(row.values()))) for row in cursor.fetchall()]
        found = {}
        for name in names:
            if name.startswith(PREFIX):
                cursor.execute(f"SELECT * FROM `{name}`")
                found[name.removeprefix(PREFIX)] = list(cursor.fetchall())
        return found


def _connected(url: str) -> Any:
    at = make_url(url)
    return pymysql.connect(host=at.host, port=at.port or 0, user=at.username, database=at.database, charset="utf8mb4")
