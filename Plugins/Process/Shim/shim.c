int c_Process;
