/** Containers through an OCI runtime of the host (crun, runc) in place of this JVM's own system calls. */
package dev.starling.runtime.oci;
