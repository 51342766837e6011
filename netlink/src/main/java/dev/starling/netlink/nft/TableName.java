package dev.starling.netlink.nft;

/** Tables of two families may have one name. */
record TableName(Family family, String name) {
    @Override
    public String toString() {
        return family.keyword + " " + name;
    }
}
