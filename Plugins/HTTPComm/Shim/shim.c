int c_HTTPComm;
