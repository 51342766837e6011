/** What a node keeps of the swarm it belongs to: its directory on disk, the cluster's document, roots and certificates, the lock. */
package dev.starling.node.swarm;
