"""The plugin, in real projects."""
