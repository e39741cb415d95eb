#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: Node: a scalar becomes its part of a sum
# Author: sdr-ota
# Description: A number in by message; the burst that adds it to the other nodes' out.
# GNU Radio version: 3.10.5.1

from gnuradio import gr
from gnuradio.filter import firdes
from gnuradio.fft import window
import sys
import signal
from argparse import ArgumentParser
from gnuradio.eng_arg import eng_float, intx
from gnuradio import eng_notation
from gnuradio import gr, pdu
from gnuradio import zeromq
from ota_flowgraphs.blocks.burst_framer import BurstFramer
from ota_flowgraphs.blocks.iq_sink import IqSink
from ota_flowgraphs.blocks.scheme_encoder import SchemeEncoder
from ota_flowgraphs.failure import end_of_run
from sdr_ota.signal.frame import FrameFormat


def snipfcn_ending(self):
    end_of_run()


def snippets_main_after_stop(tb):
    snipfcn_ending(tb)


class node_transmitter(gr.top_block):

    def __init__(self, sample_rate=1e6, center_freq=915e6, frame=FrameFormat(), scalars='tcp://127.0.0.1:5556', sink='driver=file,path=sent.sigmf-meta', gain_db=0, band=(), scheme='coherent', node=0, n_nodes=4, scalar_limit=1, seed=1, is_lead=True, gain=0.5, cfo=0):
        gr.top_block.__init__(self, "Node: a scalar becomes its part of a sum", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.sample_rate = sample_rate
        self.center_freq = center_freq
        self.frame = frame
        self.scalars = scalars
        self.sink = sink
        self.gain_db = gain_db
        self.band = band
        self.scheme = scheme
        self.node = node
        self.n_nodes = n_nodes
        self.scalar_limit = scalar_limit
        self.seed = seed
        self.is_lead = is_lead
        self.gain = gain
        self.cfo = cfo

        ##################################################
        # Blocks
        ##################################################

        self.to_stream = pdu.pdu_to_tagged_stream(gr.types.complex_t, 'packet_len')
        self.to_stream.set_min_output_buffer((2 * (frame.n_joint_frame + frame.guard_samples)))
        self.numbers = zeromq.pull_msg_source(scalars, 100, True)
        self.iq_sink = IqSink(sink, sample_rate, center_freq, gain_db, band)
        self.framer = BurstFramer(frame, node, seed, is_lead, gain, cfo)
        self.encoder = SchemeEncoder(scheme, node, n_nodes, frame, scalar_limit, seed)


        ##################################################
        # Connections
        ##################################################
        self.msg_connect((self.encoder, 'chips'), (self.framer, 'chips'))
        self.msg_connect((self.framer, 'frames'), (self.to_stream, 'pdus'))
        self.msg_connect((self.numbers, 'out'), (self.encoder, 'scalars'))
        self.connect((self.to_stream, 0), (self.iq_sink, 0))


    def get_sample_rate(self):
        return self.sample_rate

    def set_sample_rate(self, sample_rate):
        self.sample_rate = sample_rate

    def get_center_freq(self):
        return self.center_freq

    def set_center_freq(self, center_freq):
        self.center_freq = center_freq

    def get_frame(self):
        return self.frame

    def set_frame(self, frame):
        self.frame = frame

    def get_scalars(self):
        return self.scalars

    def set_scalars(self, scalars):
        self.scalars = scalars

    def get_sink(self):
        return self.sink

    def set_sink(self, sink):
        self.sink = sink

    def get_gain_db(self):
        return self.gain_db

    def set_gain_db(self, gain_db):
        self.gain_db = gain_db

    def get_band(self):
        return self.band

    def set_band(self, band):
        self.band = band

    def get_scheme(self):
        return self.scheme

    def set_scheme(self, scheme):
        self.scheme = scheme

    def get_node(self):
        return self.node

    def set_node(self, node):
        self.node = node

    def get_n_nodes(self):
        return self.n_nodes

    def set_n_nodes(self, n_nodes):
        self.n_nodes = n_nodes

    def get_scalar_limit(self):
        return self.scalar_limit

    def set_scalar_limit(self, scalar_limit):
        self.scalar_limit = scalar_limit

    def get_seed(self):
        return self.seed

    def set_seed(self, seed):
        self.seed = seed

    def get_is_lead(self):
        return self.is_lead

    def set_is_lead(self, is_lead):
        self.is_lead = is_lead

    def get_gain(self):
        return self.gain

    def set_gain(self, gain):
        self.gain = gain

    def get_cfo(self):
        return self.cfo

    def set_cfo(self, cfo):
        self.cfo = cfo



def argument_parser():
    description = "A number in by message; the burst that adds it to the other nodes' out."
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--sample-rate", dest="sample_rate", type=eng_float, default=eng_notation.num_to_str(float(1e6)),
        help="Set Sample rate (samples/s) [default=%(default)r]")
    parser.add_argument(
        "--center-freq", dest="center_freq", type=eng_float, default=eng_notation.num_to_str(float(915e6)),
        help="Set Carrier (Hz) [default=%(default)r]")
    parser.add_argument(
        "--scalars", dest="scalars", type=str, default='tcp://127.0.0.1:5556',
        help="Set ZeroMQ address that numbers come from [default=%(default)r]")
    parser.add_argument(
        "--sink", dest="sink", type=str, default='driver=file,path=sent.sigmf-meta',
        help="Set Sink [default=%(default)r]")
    parser.add_argument(
        "--gain-db", dest="gain_db", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Transmit gain (dB) [default=%(default)r]")
    parser.add_argument(
        "--scheme", dest="scheme", type=str, default='coherent',
        help="Set Scheme [default=%(default)r]")
    parser.add_argument(
        "--node", dest="node", type=intx, default=0,
        help="Set This node (from 0) [default=%(default)r]")
    parser.add_argument(
        "--n-nodes", dest="n_nodes", type=intx, default=4,
        help="Set Nodes [default=%(default)r]")
    parser.add_argument(
        "--scalar-limit", dest="scalar_limit", type=eng_float, default=eng_notation.num_to_str(float(1)),
        help="Set Limit of a scalar [default=%(default)r]")
    parser.add_argument(
        "--seed", dest="seed", type=intx, default=1,
        help="Set Seed [default=%(default)r]")
    parser.add_argument(
        "--cfo", dest="cfo", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Carrier offset to undo (cycles/sample) [default=%(default)r]")
    return parser


def main(top_block_cls=node_transmitter, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(sample_rate=options.sample_rate, center_freq=options.center_freq, scalars=options.scalars, sink=options.sink, gain_db=options.gain_db, scheme=options.scheme, node=options.node, n_nodes=options.n_nodes, scalar_limit=options.scalar_limit, seed=options.seed, cfo=options.cfo)

    def sig_handler(sig=None, frame=None):
        tb.stop()
        tb.wait()
        snippets_main_after_stop(tb)
        sys.exit(0)

    signal.signal(signal.SIGINT, sig_handler)
    signal.signal(signal.SIGTERM, sig_handler)

    tb.start()

    tb.wait()
    snippets_main_after_stop(tb)

if __name__ == '__main__':
    main()
