int c_platform;
