# What bench/codec_bench.cc encodes, as Cap'n Proto would carry it.
@0xd5a2f0c1b7e94c36;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("stoa::bench::cp");

struct Quote {
  instrument @0 :UInt32;
  updateId @1 :UInt64;
  bidPx @2 :Int64;
  bidQty @3 :Int64;
  askPx @4 :Int64;
  askQty @5 :Int64;
  tsEvent @6 :Int64;
}

struct Trade {
  instrument @0 :UInt32;
  takerSide @1 :UInt8;
  tradeId @2 :UInt64;
  px @3 :Int64;
  qty @4 :Int64;
  tsEvent @5 :Int64;
}
