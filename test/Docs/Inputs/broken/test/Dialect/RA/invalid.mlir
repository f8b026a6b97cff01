// ra.numbered (C1): one.
// expected-error @below {{(C1)}}
