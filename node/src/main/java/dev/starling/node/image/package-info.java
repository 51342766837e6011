/** Images for the tasks at hand: which are here, which are wanted, and blobs to and from the neighbours. */
package dev.starling.node.image;
