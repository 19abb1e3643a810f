"""The embedded demo: small repositories, their bugs, and recorded answers."""
