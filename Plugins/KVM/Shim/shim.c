int c_KVM;
