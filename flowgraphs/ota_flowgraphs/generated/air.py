#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: Air: four nodes, one receiver
# Author: sdr-ota
# Description: Four streams in; what one receiver receives of them out.
# GNU Radio version: 3.10.5.1

from gnuradio import gr
from gnuradio.filter import firdes
from gnuradio.fft import window
import sys
import signal
from argparse import ArgumentParser
from gnuradio.eng_arg import eng_float, intx
from gnuradio import eng_notation
from ota_flowgraphs.blocks.iq_sink import IqSink
from ota_flowgraphs.blocks.iq_source import IqSource
from ota_flowgraphs.blocks.simulated_air import SimulatedAirBlock
from ota_flowgraphs.failure import end_of_run


def snipfcn_ending(self):
    end_of_run()


def snippets_main_after_stop(tb):
    snipfcn_ending(tb)


class air(gr.top_block):

    def __init__(self, sample_rate=1e6, center_freq=915e6, input_0='driver=zmq,address=ipc:///tmp/ota-node-0,buffer=small', input_1='driver=zmq,address=ipc:///tmp/ota-node-1,buffer=small', input_2='driver=zmq,address=ipc:///tmp/ota-node-2,buffer=small', input_3='driver=zmq,address=ipc:///tmp/ota-node-3,buffer=small', output='driver=zmq,address=ipc:///tmp/ota-air', preset='lab-wired', seed=1, oscillators=True):
        gr.top_block.__init__(self, "Air: four nodes, one receiver", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.sample_rate = sample_rate
        self.center_freq = center_freq
        self.input_0 = input_0
        self.input_1 = input_1
        self.input_2 = input_2
        self.input_3 = input_3
        self.output = output
        self.preset = preset
        self.seed = seed
        self.oscillators = oscillators

        ##################################################
        # Blocks
        ##################################################

        self.simulated_air = SimulatedAirBlock(4, preset, sample_rate, center_freq, seed, oscillators)
        self.node_3 = IqSource(input_3, sample_rate, center_freq, 0)
        self.node_2 = IqSource(input_2, sample_rate, center_freq, 0)
        self.node_1 = IqSource(input_1, sample_rate, center_freq, 0)
        self.node_0 = IqSource(input_0, sample_rate, center_freq, 0)
        self.iq_sink = IqSink(output, sample_rate, center_freq, 0, ())


        ##################################################
        # Connections
        ##################################################
        self.connect((self.node_0, 0), (self.simulated_air, 0))
        self.connect((self.node_1, 0), (self.simulated_air, 1))
        self.connect((self.node_2, 0), (self.simulated_air, 2))
        self.connect((self.node_3, 0), (self.simulated_air, 3))
        self.connect((self.simulated_air, 0), (self.iq_sink, 0))


    def get_sample_rate(self):
        return self.sample_rate

    def set_sample_rate(self, sample_rate):
        self.sample_rate = sample_rate

    def get_center_freq(self):
        return self.center_freq

    def set_center_freq(self, center_freq):
        self.center_freq = center_freq

    def get_input_0(self):
        return self.input_0

    def set_input_0(self, input_0):
        self.input_0 = input_0

    def get_input_1(self):
        return self.input_1

    def set_input_1(self, input_1):
        self.input_1 = input_1

    def get_input_2(self):
        return self.input_2

    def set_input_2(self, input_2):
        self.input_2 = input_2

    def get_input_3(self):
        return self.input_3

    def set_input_3(self, input_3):
        self.input_3 = input_3

    def get_output(self):
        return self.output

    def set_output(self, output):
        self.output = output

    def get_preset(self):
        return self.preset

    def set_preset(self, preset):
        self.preset = preset

    def get_seed(self):
        return self.seed

    def set_seed(self, seed):
        self.seed = seed

    def get_oscillators(self):
        return self.oscillators

    def set_oscillators(self, oscillators):
        self.oscillators = oscillators



def argument_parser():
    description = 'Four streams in; what one receiver receives of them out.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--sample-rate", dest="sample_rate", type=eng_float, default=eng_notation.num_to_str(float(1e6)),
        help="Set Sample rate (samples/s) [default=%(default)r]")
    parser.add_argument(
        "--center-freq", dest="center_freq", type=eng_float, default=eng_notation.num_to_str(float(915e6)),
        help="Set Carrier (Hz) [default=%(default)r]")
    parser.add_argument(
        "--input-0", dest="input_0", type=str, default='driver=zmq,address=ipc:///tmp/ota-node-0,buffer=small',
        help="Set Node 0 [default=%(default)r]")
    parser.add_argument(
        "--input-1", dest="input_1", type=str, default='driver=zmq,address=ipc:///tmp/ota-node-1,buffer=small',
        help="Set Node 1 [default=%(default)r]")
    parser.add_argument(
        "--input-2", dest="input_2", type=str, default='driver=zmq,address=ipc:///tmp/ota-node-2,buffer=small',
        help="Set Node 2 [default=%(default)r]")
    parser.add_argument(
        "--input-3", dest="input_3", type=str, default='driver=zmq,address=ipc:///tmp/ota-node-3,buffer=small',
        help="Set Node 3 [default=%(default)r]")
    parser.add_argument(
        "--output", dest="output", type=str, default='driver=zmq,address=ipc:///tmp/ota-air',
        help="Set Output [default=%(default)r]")
    parser.add_argument(
        "--preset", dest="preset", type=str, default='lab-wired',
        help="Set Air [default=%(default)r]")
    parser.add_argument(
        "--seed", dest="seed", type=intx, default=1,
        help="Set Seed [default=%(default)r]")
    return parser


def main(top_block_cls=air, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(sample_rate=options.sample_rate, center_freq=options.center_freq, input_0=options.input_0, input_1=options.input_1, input_2=options.input_2, input_3=options.input_3, output=options.output, preset=options.preset, seed=options.seed)

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
