/**
 * Containers on this machine, as those see them who use them: {@link dev.starling.runtime.ContainerRuntime} is the contract, {@link dev.starling.runtime.ContainerSpec} what
 * to run, {@link dev.starling.runtime.Container} how it is. The package {@code supervision} keeps the contract.
 */
package dev.starling.runtime;
