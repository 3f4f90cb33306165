"""Every bound in one place: queues, messages, files, retries, times. Units are in the names."""

# Messages between keeper, courier and center
COMMAND_MAX_BYTES = 256 * 1024
STATE_MAX_BYTES = 512 * 1024
LIVE_MESSAGE_MAX_BYTES = 4 * 1024 * 1024
COMMAND_TIMEOUT_S = 3.0

# Ledger entries on their way to the center
BATCH_MAX_ENTRIES = 64
BATCH_ENTRIES_MAX_BYTES = 24 * 1024  # of more than one entry: a tenth of a second at 2 Mbps
BATCH_MAX_BYTES = 256 * 1024  # sealed; room for the largest entry alone
RECEIPT_MAX_BYTES = 4 * 1024
BATCH_TIMEOUT_S = 3.0
BATCH_RETRY_MAX_S = 4.0
BATCH_LOOK_EVERY_S = 0.5

# Pictures
ACCESS_UNIT_MAX_BYTES = 3 * 1024 * 1024
GOP_CACHE_MAX_BYTES = 16 * 1024 * 1024
GOP_CACHE_MAX_UNITS = 600
SOURCE_QUEUE_UNITS = 256
VIEWER_QUEUE_MESSAGES = 64
COURIER_QUEUE_MESSAGES = 128
COURIER_WAIT_MAX_S = 1.0

# Cameras
CONNECT_TIMEOUT_S = 5.0
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0

# Sessions
REQUEST_TTL_MAX_S = 2.0
CLOCK_SKEW_MAX_S = 1.0
GRANT_S = 60.0
RENEW_EVERY_S = 20.0
LIVE_GRANT_MAX_S = 24 * 3600.0
SESSIONS_PER_SITE = 256
NONCES_KEPT = 65_536
REFUSALS_LOGGED_PER_MINUTE = 600

# Documents and ledger
DOCUMENT_MAX_BYTES = 1024 * 1024
DOCUMENTS_MAX = 1024
# A file in the inbox that is not believed is refused when it has not changed for this long.
INBOX_SETTLED_S = 2.0
INBOX_PATIENCE_S = 60.0
EARLY_REVOCATIONS_PER_PARTY = 64
ENTRY_MAX_BYTES = 64 * 1024
# Entries of what has happened wait in memory while the disk refuses them.
ENTRIES_OWED = 4096
LEDGER_PUBLISH_EVERY_S = 1.0

# HTTP
BODY_MAX_BYTES = 2 * 1024 * 1024
LOGIN_TTL_S = 12 * 3600.0
LOGINS_KEPT = 4096
LOGIN_FAILURES = 8
LOGIN_FAILURES_WINDOW_S = 300.0
LOGIN_SUBJECTS_KEPT = 4096
PASSWORD_MAX_BYTES = 1024
PASSWORD_CHECKS_AT_ONCE = 2
SOCKET_SEND_BUFFER_BYTES = 256 * 1024
SOCKET_UNSENT_BYTES = 64 * 1024
SOCKET_MESSAGE_MAX_BYTES = 64 * 1024
STOP_GRACE_S = 0.4

# Center
JOURNAL_QUEUE_ENTRIES = 1024
HISTORY_KEPT_S = 400 * 86_400.0
HISTORY_ENTRIES_PER_SITE = 1_000_000
HISTORY_EPOCHS_PER_SITE = 64
HISTORY_PAGE_ENTRIES = 200
ALARMS_SHOWN = 32
EVENT_EVERY_S = 0.1
UNWATCHED_FIRST_S = 60.0
UNWATCHED_AGAIN_S = 15.0
GOODBYE_S = 0.1

# A main stream that loses this share within the window, in so many of its seconds, is reduced.
# What a courier drops shows at the next key frame: the window holds several of them.
REDUCE_WINDOW_S = 10.0
REDUCE_LOST_SECONDS = 2
REDUCE_LOSS_SHARE = 0.05
REDUCE_CALM_FIRST_S = 30.0
REDUCE_CALM_MAX_S = 900.0
REDUCE_PROVEN_S = 60.0
REDUCE_TRIES_MAX = 6
REDUCE_ATTEMPTS = 3

STATE_EVERY_S = 1.0
SITE_SILENT_S = 5.0
RECONSIDER_EVERY_S = 0.1

# Agreements
CAMERAS_PER_AGREEMENT = 512
REQUEST_FIELD_MAX_CHARACTERS = 512

# Recording
SEGMENT_S = 60.0
RECORDING_SYNC_EVERY_S = 2.0
# What a power cut may cost beyond the group of pictures being gathered; more is said in health.
RECORDING_LOSS_MAX_S = 5.0
RECORDING_ROWS_WAITING = 65_536
# How far back from the end of a file its bytes are compared with their hashes after a crash.
RECORDING_TAIL_S = 20.0
# A date that leaps further than this deletes nothing by age until it has held for as long.
RETENTION_LEAP_S = 24 * 3600.0
