/** This machine and this process: clocks, threads, memory, ports in use, what the kernel lacks. Knows nothing of the cluster. */
package dev.starling.node.host;
