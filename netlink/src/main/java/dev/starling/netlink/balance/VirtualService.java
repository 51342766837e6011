package dev.starling.netlink.balance;

import java.util.SortedSet;

/** What is behind a virtual address. */
public record VirtualService(SortedSet<String> tasks, Choice choice) {}
