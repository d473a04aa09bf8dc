"""Rules that name a mistake, by what it is made of."""
