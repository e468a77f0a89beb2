"""``pgq run worker:scheduler`` runs what the page has stored."""

import mails

from pg_scheduler import Scheduler

scheduler = Scheduler.from_env()
scheduler.register_module(mails)
