"""SQLAlchemy 2: its sessions and connections as `connection=`."""
