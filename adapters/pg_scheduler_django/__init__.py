"""Django: its connections as `connection=` and as a source; an app for INSTALLED_APPS."""
