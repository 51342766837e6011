/** The system call filter of a container: rules as data, and their compiler. Pure. */
package dev.starling.runtime.seccomp;
