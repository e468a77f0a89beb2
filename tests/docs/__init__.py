"""The documentation is executed: snippets run, commands exist, links lead somewhere."""
