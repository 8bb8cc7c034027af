/* A VLAN tag on one cable, for kernels without VLAN devices: `push` on what leaves, `pop` on what comes in. Compiled by
 * clang -target bpf, loaded by tc. A capture on the device sees the tags. */
enum { VLAN_ID = 77, ETHERTYPE_VLAN = 0x8100, PASS = 0 };

struct __sk_buff;

/* The kernel's helpers, by their numbers. */
static long (*const vlan_push)(struct __sk_buff *, unsigned short ethertype, unsigned short tci) = (void *)18;
static long (*const vlan_pop)(struct __sk_buff *) = (void *)19;

__attribute__((section("push"), used)) int
push_tag(struct __sk_buff *skb)
{
    vlan_push(skb, __builtin_bswap16(ETHERTYPE_VLAN), VLAN_ID);
    return PASS;
}

__attribute__((section("pop"), used)) int
pop_tag(struct __sk_buff *skb)
{
    vlan_pop(skb);
    return PASS;
}

__attribute__((section("license"), used)) char terms[] = "Dual BSD/GPL";
