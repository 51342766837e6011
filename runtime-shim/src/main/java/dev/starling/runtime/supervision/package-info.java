/**
 * A container from its start to its removal, and from one agent to the next: {@link dev.starling.runtime.supervision.NativeRuntime} keeps the contract
 * {@link dev.starling.runtime.ContainerRuntime}. How its processes come to be is the package {@code launch}'s, or {@code oci}'s.
 */
package dev.starling.runtime.supervision;
