/** Containers on this machine. {@link dev.starling.runtime.ContainerRuntime} is the contract, {@link dev.starling.runtime.NativeRuntime} does it with system calls. */
package dev.starling.runtime;
