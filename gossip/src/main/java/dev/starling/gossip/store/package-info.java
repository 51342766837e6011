/** What a node remembers across restarts and power cuts: desired state, its own record, the members it last saw, its boot generation. */
package dev.starling.gossip.store;
