"""What programs hold in their hands, and what each of it must stand."""
