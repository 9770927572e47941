int c_toml;
