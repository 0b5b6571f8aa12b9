"""How each distribution's apiservers get other flags: one file each, `registry` knows them all."""
